"""What goes into one decode call."""

from dataclasses import dataclass


class DecodeFailed(Exception):
    """A batch could not be computed. What the KV cache holds of it is not known."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive tokens of one sequence. Rows of a batch are the tokens of its chunks, in order."""

    seq_id: int
    #: Of the first token in its sequence.
    position: int
    tokens: list[int]
    #: Of the last token; no other row gets any.
    wants_logits: bool


def last_rows(chunks: list[Chunk]) -> list[int]:
    """For each chunk, the row of its last token."""
    rows, row = [], -1
    for chunk in chunks:
        row += len(chunk.tokens)
        rows.append(row)
    return rows
