"""Sizes in bytes the way people write them: 4GiB, 500MB, 0."""

import re

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)(b?)", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Bytes. "4GiB" and "4G" are powers of 1024, "4GB" of 1000, as disks are sold. Raises `ValueError` with a sentence."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f'invalid size "{text}": write it as 4GiB, 500MB or a number of bytes')
    number, unit, binary, byte = match.groups()
    base = 1000 if byte and not binary else 1024
    return int(float(number) * base ** _POWERS[unit.lower()])


def human_size(num_bytes: int) -> str:
    """Decimal, as disks and model pages count: 4.1 GB, 250 MB."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"
