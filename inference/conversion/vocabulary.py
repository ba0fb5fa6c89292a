"""Tokenizers: what of their files llama.cpp's tokenizers need."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gguf import TokenType

from inference.conversion.errors import ConversionError

_MAX_BYTES = 128 * 1024 * 1024
_MAX_TOKENS = 2_000_000
#: SentencePiece's marks of kinds of pieces are those of GGUF.
_PIECE_KINDS = {1, 2, 3, 4, 5, 6}
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
#: How text is cut before tokens are looked for, by the expression that does it, and llama.cpp's name for it.
SPLITS = {_WORDS % "{1,3}": "llama-bpe", _WORDS % "": "qwen2"}


@dataclass(frozen=True)
class Vocabulary:
    #: llama.cpp's names of the tokenizer and of how it cuts text first.
    model: str
    pre: str
    tokens: list[str]
    kinds: list[int]
    scores: list[float] | None = None
    has_merges: bool = False
    #: None: as llama.cpp does for its kind.
    adds_space_prefix: bool | None = None
    #: What llama.cpp's normaliser for BERT is told: "lowercase", "strip_accents".
    normalizer: dict[str, bool] = field(default_factory=dict)


def read_vocabulary(folder: Path, kind: str, num_tokens: int) -> Vocabulary:
    """`kind` is "bpe" or "wordpiece"; `num_tokens` as many as the model has vectors for. Raises `ConversionError`."""
    if not 0 < num_tokens <= _MAX_TOKENS:
        raise ConversionError("its vocabulary has an impossible size")
    tokenizer = read_json(folder / "tokenizer.json") if (folder / "tokenizer.json").is_file() else {}
    if kind == "wordpiece":
        return _wordpiece(folder, tokenizer, num_tokens)
    model = tokenizer.get("model")
    if isinstance(model, dict) and model.get("type", "BPE") == "BPE" and not model.get("byte_fallback"):
        return _byte_pairs(tokenizer, model, num_tokens)
    if (folder / "tokenizer.model").is_file():
        return _sentence_pieces(folder / "tokenizer.model", tokenizer, num_tokens)
    if isinstance(model, dict) and model.get("byte_fallback"):
        return _byte_fallback(tokenizer, model, num_tokens)
    raise ConversionError("its tokenizer is missing: tokenizer.json or tokenizer.model is needed")


def read_json(path: Path) -> dict[str, Any]:
    """Raises `ConversionError`."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConversionError(f"its {path.name} is too large")
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise ConversionError(f"its {path.name} cannot be read") from None
    if not isinstance(value, dict):
        raise ConversionError(f"its {path.name} cannot be read")
    return value


def module_kinds(path: Path) -> list[str]:
    """What sentence-transformers' modules.json lists, by the names of the classes. Raises `ConversionError`."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConversionError("its modules.json is too large")
        modules = json.loads(path.read_bytes())
        return [str(module["type"]).rpartition(".")[2] for module in modules]
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        raise ConversionError("its modules.json cannot be read") from None


def _byte_pairs(tokenizer: dict[str, Any], model: dict[str, Any], num_tokens: int) -> Vocabulary:
    tokens, kinds = _by_number(model.get("vocab"), tokenizer, num_tokens)
    return Vocabulary("gpt2", _pre(tokenizer), tokens, kinds, has_merges=True)


def _pre(tokenizer: dict[str, Any]) -> str:
    steps = tokenizer.get("pre_tokenizer")
    steps = steps.get("pretokenizers", [steps]) if isinstance(steps, dict) else []
    names = [step.get("type") for step in steps]
    patterns = [step["pattern"].get("Regex", "") for step in steps if step.get("type") == "Split" and "pattern" in step]
    if names == ["Split", "ByteLevel"] and patterns and patterns[0] in SPLITS:
        return SPLITS[patterns[0]]
    if names == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if names == ["ByteLevel"]:
        return "gpt-2"
    raise ConversionError("its tokenizer cuts text in a way that cannot be converted")


def _byte_fallback(tokenizer: dict[str, Any], model: dict[str, Any], num_tokens: int) -> Vocabulary:
    """A SentencePiece vocabulary in another form. Its pieces stand in the order of their scores."""
    tokens, kinds = _by_number(model.get("vocab"), tokenizer, num_tokens)
    kinds = [
        TokenType.BYTE if kind == TokenType.NORMAL and len(token) == 6 and token.startswith("<0x") else kind
        for token, kind in zip(tokens, kinds, strict=True)
    ]
    first = next((number for number, kind in enumerate(kinds) if kind == TokenType.NORMAL), 0)
    scores = [float(first - number) if kind == TokenType.NORMAL else 0.0 for number, kind in enumerate(kinds)]
    return Vocabulary("llama", "default", tokens, kinds, scores)


def _by_number(vocab: Any, tokenizer: dict[str, Any], num_tokens: int) -> tuple[list[str], list[int]]:
    """Numbers that nothing has are padding."""
    if not isinstance(vocab, dict):
        raise ConversionError("its tokenizer.json has no vocabulary")
    tokens = [f"[PAD{number}]" for number in range(num_tokens)]
    kinds = [int(TokenType.UNUSED)] * num_tokens
    for token, number in vocab.items():
        if type(number) is int and 0 <= number < num_tokens:
            tokens[number], kinds[number] = token, int(TokenType.NORMAL)
    for number, token, is_special in _added(tokenizer):
        if 0 <= number < num_tokens:
            tokens[number] = token
            kinds[number] = int(TokenType.CONTROL if is_special else TokenType.USER_DEFINED)
    return tokens, kinds


def _added(tokenizer: dict[str, Any]) -> Iterator[tuple[int, str, bool]]:
    added = tokenizer.get("added_tokens")
    for entry in added if isinstance(added, list) else []:
        if isinstance(entry, dict) and type(entry.get("id")) is int and isinstance(entry.get("content"), str):
            yield entry["id"], entry["content"], bool(entry.get("special"))


def _wordpiece(folder: Path, tokenizer: dict[str, Any], num_tokens: int) -> Vocabulary:
    """llama.cpp marks where a word begins, BERT where it goes on."""
    model = tokenizer.get("model")
    if isinstance(model, dict) and model.get("type", "WordPiece") == "WordPiece":
        vocab = model.get("vocab")
    elif (folder / "vocab.txt").is_file() and (folder / "vocab.txt").stat().st_size <= _MAX_BYTES:
        lines = (folder / "vocab.txt").read_text("utf-8", "replace").rstrip("\n").split("\n")
        vocab = {line.rstrip("\r"): number for number, line in enumerate(lines)}
    else:
        raise ConversionError("its tokenizer is not the one of BERT: tokenizer.json or vocab.txt is needed")
    tokens, kinds = _by_number(vocab, tokenizer, num_tokens)
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    kinds = [int(TokenType.CONTROL) if token in special else kind for token, kind in zip(tokens, kinds, strict=True)]
    marked = [_marked(*pair) for pair in zip(tokens, kinds, strict=True)]
    return Vocabulary("bert", "default", marked, kinds, normalizer=_normalizer(folder, tokenizer))


def _normalizer(folder: Path, tokenizer: dict[str, Any]) -> dict[str, bool]:
    """BERT strips accents where it lowers case, unless told otherwise."""
    said = tokenizer.get("normalizer")
    if not isinstance(said, dict) or "lowercase" not in said:
        settings = read_json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
        said = {"lowercase": settings.get("do_lower_case", True), "strip_accents": settings.get("strip_accents")}
    lowers, strips = said.get("lowercase") is not False, said.get("strip_accents")
    return {"lowercase": lowers, "strip_accents": strips if isinstance(strips, bool) else lowers}


def _marked(token: str, kind: int) -> str:
    if kind != TokenType.NORMAL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def _sentence_pieces(path: Path, tokenizer: dict[str, Any], num_tokens: int) -> Vocabulary:
    """tokenizer.model is a protocol buffer, whose first field, repeated, is a piece: text, score and kind."""
    if path.stat().st_size > _MAX_BYTES:
        raise ConversionError("its tokenizer.model is too large")
    tokens = [f"[PAD{number}]" for number in range(num_tokens)]
    kinds, scores = [int(TokenType.UNUSED)] * num_tokens, [0.0] * num_tokens
    message = list(_fields(path.read_bytes()))
    pieces = (value for number, value in message if number == 1 and isinstance(value, bytes))
    normalizer = next((dict(_fields(value)) for number, value in message if number == 3 and isinstance(value, bytes)), {})
    for number, piece in zip(range(num_tokens), pieces, strict=False):
        fields = dict(_fields(piece))
        piece_text, score, kind = fields.get(1), fields.get(2), fields.get(3, 1)
        tokens[number] = piece_text.decode("utf-8", "replace") if isinstance(piece_text, bytes) else ""
        scores[number] = struct.unpack("<f", score)[0] if isinstance(score, bytes) and len(score) == 4 else 0.0
        kinds[number] = int(kind) if kind in _PIECE_KINDS else int(TokenType.NORMAL)
    for number, text, is_special in _added(tokenizer):
        if 0 <= number < num_tokens and kinds[number] in (TokenType.UNUSED, TokenType.NORMAL):
            tokens[number], scores[number] = text, -1000.0
            kinds[number] = int(TokenType.CONTROL if is_special else TokenType.USER_DEFINED)
    return Vocabulary("llama", "default", tokens, kinds, scores, adds_space_prefix=bool(normalizer.get(3, 1)))


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Of a message of a protocol buffer. Raises `ConversionError`."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        match tag & 7:
            case 0:
                number, place = _varint(content, place)
                yield tag >> 3, number
                continue
            case 1:
                length = 8
            case 2:
                length, place = _varint(content, place)
            case 5:
                length = 4
            case _:
                raise ConversionError("its tokenizer.model cannot be read")
        if place + length > len(content):
            raise ConversionError("its tokenizer.model is cut short")
        yield tag >> 3, content[place : place + length]
        place += length


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 64, 7):
        if place >= len(content):
            raise ConversionError("its tokenizer.model is cut short")
        byte = content[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ConversionError("its tokenizer.model cannot be read")
