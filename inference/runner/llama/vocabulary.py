"""Text to tokens and back, by the tables in the model file. Safe to use from several threads."""

import codecs
import ctypes
import functools

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp

#: No token of a known vocabulary stands for more characters.
LONGEST_TOKEN = 256
#: No piece of a known vocabulary is longer; a longer one is fetched with a second call.
_PIECE_BYTES = 256


def partial_after(partial: bytes, piece: bytes) -> bytes | None:
    """The beginning of a character that is there when a piece comes after another such beginning, or after nothing; None where
    the two make no characters."""
    if not partial and piece.isascii():
        return b""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        decoder.decode(partial + piece)
    except UnicodeDecodeError:
        return None
    return decoder.getstate()[0]


class Vocabulary:
    """Borrowed from a model: use it no longer than the model lives."""

    def __init__(self, model: object) -> None:
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self.num_tokens = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.end_tokens = frozenset(t for t in range(self.num_tokens) if llama_cpp.llama_vocab_is_eog(self._vocab, t))
        self.bos_token = int(llama_cpp.llama_vocab_bos(self._vocab))
        self.eos_token = int(llama_cpp.llama_vocab_eos(self._vocab))
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self._vocab)) and self.bos_token >= 0
        #: What belongs before and after a whole input, such as `[CLS]` and `[SEP]`.
        self.frame = self._read_frame()
        #: What belongs before, between and after two texts that are to be compared.
        self.pair_frame = self._read_pair_frame()
        self._pieces: dict[int, bytes] = {}

    @property
    def handle(self) -> object:
        return self._vocab

    def tokenize(self, text: str, *, parse_special: bool, add_bos: bool = False) -> list[int]:
        """With `parse_special`, special tokens written out in the text are read as such. `add_bos` puts the model's
        beginning-of-sequence token in front where the model wants one and the text does not already begin with it."""
        raw = text.encode("utf-8", "replace")
        capacity = len(raw) + 8
        buffer = (llama_cpp.llama_token * capacity)()
        count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, capacity, False, parse_special)
        if count < 0:
            buffer = (llama_cpp.llama_token * -count)()
            count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, -count, False, parse_special)
        tokens: list[int] = buffer[: max(count, 0)]
        if add_bos and self.adds_bos and tokens[:1] != [self.bos_token]:
            tokens.insert(0, self.bos_token)
        return tokens

    def first_token(self, text: bytes) -> int:
        """One that a text begins with: the first that it is read as, or where it is read with a space before it, as some
        vocabularies do, the longest. Takes milliseconds then. Vocabularies of language models have a token for each byte: one
        that has not may give a token that the text does not begin with."""
        first = self.tokenize(text.decode("utf-8", "replace"), parse_special=True)[0]
        if text.startswith(self.written_piece(first)):
            return first
        return max(range(self.num_tokens), key=lambda token: len(self.piece(token)) if text.startswith(self.piece(token)) else -1)

    def infill(self, prefix: str, suffix: str) -> list[int] | None:
        """The prompt for what stands between two texts, as llama.cpp's server orders it; None for a model that was not
        trained for it."""
        marks = [llama_cpp.llama_vocab_fim_pre(self._vocab), llama_cpp.llama_vocab_fim_suf(self._vocab)]
        marks.append(llama_cpp.llama_vocab_fim_mid(self._vocab))
        if min(marks) < 0:
            return None
        before, after = (self.tokenize(text, parse_special=False) for text in (prefix, suffix))
        begin = [self.bos_token] if self.adds_bos else []
        return [*begin, marks[0], *before, marks[1], *after, marks[2]]

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, perhaps part of a character only; empty for control tokens."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token, special=False)
        return piece

    def written_piece(self, token: int) -> bytes:
        """As `piece`, and for a control token the bytes with which a chat template writes it."""
        return self.piece(token) or self._read_piece(token, special=True)

    @functools.cached_property
    def silent_tokens(self) -> npt.NDArray[np.int32]:
        """Tokens without text that do not end an answer. Takes some milliseconds the first time."""
        kinds = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
        silent = (t for t in range(self.num_tokens) if llama_cpp.llama_vocab_get_attr(self._vocab, t) & kinds)
        return np.array([token for token in silent if token not in self.end_tokens], dtype=np.int32)

    @functools.cached_property
    def tokens_by_start(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Tokens whose text begins with a character, and such whose text begins within one. Takes some tens of milliseconds
        the first time."""
        starts = np.array([(self.piece(token) or b"\0")[0] for token in range(self.num_tokens)], dtype=np.uint8)
        is_within = (starts >= 0x80) & (starts < 0xC0)
        return np.flatnonzero(~is_within).astype(np.int32), np.flatnonzero(is_within).astype(np.int32)

    def misfits(self, partial: bytes) -> npt.NDArray[np.int32]:
        """Of the tokens that may come after `partial`, the beginning of a character or nothing, by what they begin with: those
        whose bytes make no characters all the same. Takes some tens of milliseconds the first time for nothing."""
        return self._misfits_of_starts if not partial else self._misfits(self.tokens_by_start[1], partial)

    @functools.cached_property
    def _misfits_of_starts(self) -> npt.NDArray[np.int32]:
        return self._misfits(self.tokens_by_start[0], b"")

    def _misfits(self, tokens: npt.NDArray[np.int32], partial: bytes) -> npt.NDArray[np.int32]:
        found = [token for token in tokens.tolist() if partial_after(partial, self.piece(token)) is None]
        return np.array(found, dtype=np.int32)

    def special_text(self, token: int) -> str:
        """A token as a chat template writes it, such as `<s>`; empty where the model has no such token."""
        return self._read_piece(token, special=True).decode("utf-8", "replace") if 0 <= token < self.num_tokens else ""

    def _read_frame(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        buffer = (llama_cpp.llama_token * 8)()
        count = llama_cpp.llama_tokenize(self._vocab, b"", 0, buffer, 8, True, False)
        tokens = tuple(buffer[: max(count, 0)])
        num_before = int(self.adds_bos and tokens[:1] == (self.bos_token,))
        return tokens[:num_before], tokens[num_before:]

    def _read_pair_frame(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """The layout of llama.cpp's server: BOS query EOS SEP document EOS, each where the vocabulary wants it."""
        sep = int(llama_cpp.llama_vocab_sep(self._vocab))
        end = self.eos_token if self.eos_token >= 0 else sep
        ends = (end,) if llama_cpp.llama_vocab_get_add_eos(self._vocab) and end >= 0 else ()
        seps = (sep,) if llama_cpp.llama_vocab_get_add_sep(self._vocab) and sep >= 0 else ()
        return (self.bos_token,) if self.adds_bos else (), ends + seps, ends

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        size = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, _PIECE_BYTES, 0, special)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, -size, 0, special)
        return buffer.raw[: max(size, 0)]
