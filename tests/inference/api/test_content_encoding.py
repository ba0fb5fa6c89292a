import ctypes
import gzip
import zlib

import pytest
from starlette.requests import Request

from inference.api import zstd
from inference.api.body import read_bytes
from inference.api.content_encoding import decompressed, encoding_of
from inference.errors import InvalidRequest, PayloadTooLarge, UnsupportedEncoding

BODY = b'{"model": "m"}'


def request(content: bytes, encoding: str) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": content, "more_body": False}

    return Request({"type": "http", "headers": [(b"content-encoding", encoding.encode())]}, receive)


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("", BODY),
        ("identity", BODY),
        ("gzip", gzip.compress(BODY)),
        ("GZIP ", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
    ],
)
async def test_body_is_unfolded(encoding: str, content: bytes) -> None:
    assert await read_bytes(request(content, encoding)) == BODY


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "x" * 500])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match=f'content-encoding "{encoding[:50]}" is not supported'):
        encoding_of(request(b"", encoding))


def zstd_frame(*blocks: tuple[int, int, bytes], window: int = 0x38) -> bytes:
    """Of blocks with a kind (0 as it is, 1 one byte repeated), a size and what is in them; `window` 0x38 is of 128 KiB (RFC 8878,
    3.1.1)."""
    content = b"\x28\xb5\x2f\xfd\x00" + bytes([window])
    for index, (kind, size, inside) in enumerate(blocks):
        is_last = index == len(blocks) - 1
        content += (size << 3 | kind << 1 | is_last).to_bytes(3, "little") + inside
    return content


ZSTD = zstd_frame((0, 5, BODY[:5]), (0, len(BODY) - 5, BODY[5:]))


@pytest.mark.parametrize("content", [ZSTD, ZSTD + b"junk"])
async def test_zstandard_is_unfolded(content: bytes) -> None:
    assert await read_bytes(request(content, "zstd")) == BODY


async def test_zstandard_of_many_blocks_is_unfolded_whole() -> None:
    """More than is taken at once."""
    blocks = [(1, 100_000, bytes([65 + index])) for index in range(20)]
    found = await read_bytes(request(zstd_frame(*blocks), "zstd"))

    assert found == b"".join(bytes([65 + index]) * 100_000 for index in range(20))


@pytest.mark.parametrize("content", [b"", b"no zstandard", ZSTD[:-1], ZSTD[:4], zstd_frame((3, 1, b"x"))])
async def test_zstandard_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not valid zstd, or not whole"):
        await read_bytes(request(content, "zstd"))


async def test_zstandard_may_ask_for_so_much_memory_and_no_more() -> None:
    assert await read_bytes(request(zstd_frame((0, 1, b"x"), window=0x68), "zstd")) == b"x"
    with pytest.raises(InvalidRequest, match="zstd"):
        await read_bytes(request(zstd_frame((0, 1, b"x"), window=0x70), "zstd"))


async def test_zstandard_bomb_is_refused_at_the_limit() -> None:
    bomb = zstd_frame(*[(1, 128 * 1024, b"x")] * 9)
    assert len(await decompressed(bomb, "zstd", 9 * 128 * 1024)) == 9 * 128 * 1024
    with pytest.raises(PayloadTooLarge):
        await decompressed(bomb, "zstd", 9 * 128 * 1024 - 1)


def test_zstandard_is_refused_where_its_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_missing(name: str) -> None:
        raise OSError(name)

    zstd._library.cache_clear()
    with monkeypatch.context() as changed, pytest.raises(UnsupportedEncoding, match="send gzip, deflate or no encoding"):
        changed.setattr(ctypes, "CDLL", is_missing)
        encoding_of(request(b"", "zstd"))
    zstd._library.cache_clear()
    assert encoding_of(request(b"", "zstd")) == "zstd"


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(BODY)[:-9]])
async def test_what_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="gzip"):
        await read_bytes(request(content, "gzip"))


async def test_bomb_is_refused_at_the_limit() -> None:
    with pytest.raises(PayloadTooLarge):
        await decompressed(gzip.compress(bytes(3 * 1024**2)), "gzip", 1024**2)
