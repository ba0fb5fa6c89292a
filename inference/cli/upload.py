"""Sends a file to the server's blob store, unless it is there already."""

from collections.abc import Iterator

from inference.cli.client import Client
from inference.cli.components import Part, read_chunks
from inference.cli.progress import ProgressView


def upload(client: Client, part: Part, view: ProgressView) -> None:
    path = f"/api/blobs/{part.digest}"
    if client.has(path):
        return
    size = part.path.stat().st_size
    event = {"status": f"copying file {part.digest[:19]}", "digest": part.digest, "total": size}

    def content() -> Iterator[bytes]:
        sent = 0
        for chunk in read_chunks(part.path):
            yield chunk
            sent += len(chunk)
            view.update({**event, "completed": sent})

    view.update(event)
    client.upload(path, content(), size)
