import json
import struct
from pathlib import Path
from typing import Any

import pytest
from gguf import TokenType
from hypothesis import given
from hypothesis import strategies as st

from inference.conversion.errors import ConversionError
from inference.conversion.vocabulary import _sentence_pieces, read_vocabulary

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = (int(kind) for kind in list(TokenType)[:6])


def piece(text: str, score: float, kind: int) -> bytes:
    content = b"\x0a" + bytes([len(text.encode())]) + text.encode() + b"\x15" + struct.pack("<f", score)
    content += b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(content)]) + content


def write(folder: Path, name: str, value: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(value))


def test_sentence_pieces_with_their_scores_and_what_was_added(tmp_path: Path) -> None:
    pieces = [("<unk>", 0, UNKNOWN), ("<s>", 0, CONTROL), ("<0x41>", 0, BYTE), ("\u2581the", -1.5, NORMAL)]
    # A field that is no piece stands after them, as the real files have it.
    (tmp_path / "tokenizer.model").write_bytes(b"".join(piece(*each) for each in pieces) + b"\x12\x02hi\x50\x05")
    write(tmp_path, "tokenizer.json", {"added_tokens": [{"id": 4, "content": "<tool>", "special": True}]})

    vocabulary = read_vocabulary(tmp_path, "bpe", 6)

    assert (vocabulary.model, vocabulary.pre) == ("llama", "default")
    assert vocabulary.tokens == ["<unk>", "<s>", "<0x41>", "\u2581the", "<tool>", "[PAD5]"]
    assert vocabulary.kinds == [UNKNOWN, CONTROL, BYTE, NORMAL, CONTROL, UNUSED]
    assert vocabulary.scores == [0, 0, 0, -1.5, -1000, 0]


def test_byte_fallback_keeps_the_order_of_pieces(tmp_path: Path) -> None:
    vocab = {"<unk>": 0, "<s>": 1, "<0x41>": 2, "\u2581t": 3, "he": 4}
    added = [{"id": 0, "content": "<unk>", "special": True}, {"id": 1, "content": "<s>", "special": True}]
    write(tmp_path, "tokenizer.json", {"model": {"type": "BPE", "byte_fallback": True, "vocab": vocab}, "added_tokens": added})

    vocabulary = read_vocabulary(tmp_path, "bpe", 5)

    assert vocabulary.kinds == [CONTROL, CONTROL, BYTE, NORMAL, NORMAL]
    assert vocabulary.scores == [0, 0, 0, 0, -1]


def test_word_pieces_are_marked_where_words_begin(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nword\n##s\n[unused1]\n")

    vocabulary = read_vocabulary(tmp_path, "wordpiece", 7)

    assert vocabulary.tokens == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581word", "s", "\u2581[unused1]"]
    assert vocabulary.kinds == [CONTROL] * 4 + [NORMAL] * 3


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda content: piece("a", 1, 1) + content))
def test_any_bytes_are_pieces_or_an_error_of_its_own(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("model") / "tokenizer.model"
    path.write_bytes(content)
    try:
        assert len(_sentence_pieces(path, {}, 3).tokens) == 3
    except ConversionError as error:
        assert str(error)
