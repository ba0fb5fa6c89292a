"""Notices that an answer has begun to repeat itself without end, as small models do.

What is asked for may repeat too: a sentence that is to be written a hundred times, a table of zeros, a dotted line, the padding
in a file that is quoted. Nothing in the tokens tells it from a loop but that it ends. So the guard bounds what a loop may cost,
and the bound lies above what such wishes take: a quarter of the usual context. (Ollama ends an answer after 100 tokens that are
the same, after 30 before 2026, and cuts such wishes; of loops of several tokens it sees none.)
"""

#: Looked at each time the answer has grown by this many tokens.
_STRIDE = 16
#: A paragraph.
_LONGEST_UNIT = 256
_FEWEST_REPETITIONS = 16
_FEWEST_TOKENS = 1024


def is_looping(tokens: list[int]) -> bool:
    """Whether the end of an answer's tokens is one unit of at most 256 tokens again and again: at least 16 times, and for at
    least 1,024 tokens. To be asked after each token; answers yes within 16 tokens of the moment it becomes true."""
    size = len(tokens)
    if size % _STRIDE or size < _FEWEST_TOKENS:
        return False
    last = tokens[-1]
    return any(tokens[-1 - unit] == last and _repeats(tokens, unit) for unit in range(1, _LONGEST_UNIT + 1))


def _repeats(tokens: list[int], unit: int) -> bool:
    needed = max(_FEWEST_TOKENS, _FEWEST_REPETITIONS * unit)
    # Two of them are looked at first: nearly all that end alike differ there.
    if len(tokens) < needed or tokens[-unit:] != tokens[-2 * unit : -unit]:
        return False
    tail = tokens[-needed:]
    return tail[unit:] == tail[:-unit]
