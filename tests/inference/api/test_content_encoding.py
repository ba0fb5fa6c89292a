import gzip
import zlib

import pytest
from starlette.requests import Request

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


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 500])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match=f'content-encoding "{encoding[:50]}" is not supported'):
        encoding_of(request(b"", encoding))


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(BODY)[:-9]])
async def test_what_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="gzip"):
        await read_bytes(request(content, "gzip"))


async def test_bomb_is_refused_at_the_limit() -> None:
    with pytest.raises(PayloadTooLarge):
        await decompressed(gzip.compress(bytes(3 * 1024**2)), "gzip", 1024**2)
