"""`hearth run` with an embedding model: the vector of the prompt, as JSON."""

import json
from typing import Any

import click

from inference.cli.client import Client
from inference.cli.errors import CommandError


def print_vector(
    client: Client, model: str, text: str, *, keep_alive: float | None, truncate: bool | None, dimensions: int
) -> None:
    """Raises `CommandError`."""
    if not text:
        raise CommandError("embedding models require input text. Usage: hearth run " + model + ' "your text here"')
    body: dict[str, Any] = {"model": model, "input": text}
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    if truncate is not None:
        body["truncate"] = truncate
    if dimensions:
        body["dimensions"] = dimensions
    vectors = client.post("/api/embed", body)["embeddings"]
    if not vectors:
        raise CommandError("the server returned no vector")
    click.echo(json.dumps(vectors[0], separators=(",", ":")))
