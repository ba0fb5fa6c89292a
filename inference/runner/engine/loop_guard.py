"""Notices that an answer has begun to repeat itself without end, as small models do."""

#: Looked at each time the answer has grown by this many tokens.
_STRIDE = 16
_LONGEST_UNIT = 64
_FEWEST_REPETITIONS = 16
#: Rows of a table, verses and lists repeat too, and end by themselves.
_FEWEST_TOKENS = 400


def is_looping(tokens: list[int]) -> bool:
    """Whether the end of an answer's tokens is one unit of at most 64 tokens again and again: at least 16 times, and for at
    least 400 tokens. To be asked after each token; answers yes within 16 tokens of the moment it becomes true."""
    size = len(tokens)
    if size % _STRIDE or size < _FEWEST_TOKENS:
        return False
    last = tokens[-1]
    return any(tokens[-1 - unit] == last and _repeats(tokens, unit) for unit in range(1, _LONGEST_UNIT + 1))


def _repeats(tokens: list[int], unit: int) -> bool:
    needed = max(_FEWEST_TOKENS, _FEWEST_REPETITIONS * unit)
    if len(tokens) < needed:
        return False
    tail = tokens[-needed:]
    return tail[unit:] == tail[:-unit]
