"""`hearth run MODEL [PROMPT]`"""

import sys
from typing import Any

import click

from inference.cli.chat.session import Session
from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_models
from inference.cli.errors import CommandError, ServerError
from inference.cli.suggestions import suggest_model
from inference.cli.terminal import decode_input
from inference.cli.transfer import pull_model
from inference.durations import parse_duration

_THINK: dict[str, bool | str] = {"true": True, "false": False, **{level: level for level in ("high", "medium", "low", "max")}}


@declare(
    "run",
    "MODEL [PROMPT]",
    least=1,
    most=None,
    completes=complete_models,
    environment=("OLLAMA_HOST", "OLLAMA_NOHISTORY", "OLLAMA_EDITOR"),
)
@click.option("--dimensions", type=int, default=0, metavar="int", help="Truncate output embeddings to specified dimension")
@click.option("--format", "answer_format", default="", help="Response format (e.g. json)")
@click.option("--hidethinking", is_flag=True, help="Hide thinking output (if provided)")
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
@click.option("--keepalive", default="", help="Duration to keep a model loaded (e.g. 5m)")
@click.option("--nowordwrap", is_flag=True, help="Don't wrap words to the next line automatically")
@click.option("--think", default="", metavar="string (optional)", help="Enable thinking mode: true/false or high/medium/low/max")
@click.option(
    "--truncate", default="", metavar="bool (optional)", help="Truncate inputs exceeding context length (embedding models)"
)
@click.option("--verbose", is_flag=True, help="Show timings for response")
def command(words: tuple[str, ...], **flags: Any) -> None:
    name, *prompt_words = words
    keep_alive, think = _keep_alive(flags["keepalive"]), _think(flags["think"])
    truncate = _truncate(flags["truncate"])
    prompt, is_interactive = _prompt(prompt_words)
    client = Client()
    description = _description(client, name, is_insecure=flags["insecure"])
    capabilities = description.get("capabilities") or []
    if "embedding" in capabilities and "completion" not in capabilities:
        from inference.cli.chat.vectors import print_vector

        print_vector(client, name, prompt, keep_alive=keep_alive, truncate=truncate, dimensions=flags["dimensions"])
        return
    session = Session(
        client,
        name,
        description,
        format=flags["answer_format"],
        think=think,
        keep_alive=keep_alive,
        hides_thinking=flags["hidethinking"],
        is_verbose=flags["verbose"],
        has_wordwrap=not flags["nowordwrap"],
    )
    _run(session, prompt, is_interactive=is_interactive)


def _run(session: Session, prompt: str, *, is_interactive: bool) -> None:
    if is_interactive:
        from inference.cli.chat.loop import converse

        converse(session)
    elif prompt:
        from inference.cli.chat.images import take_images

        text, attachments = take_images(prompt) if session.sees_images else (prompt, [])
        if not session.generate(text, attachments):
            raise KeyboardInterrupt
    else:
        # Nothing to say: the model is loaded, as Ollama does.
        for _ in session.load():
            pass


def _prompt(words: list[str]) -> tuple[str, bool]:
    """What to say, and whether somebody sits there to say more, and sees what is said. What is piped in comes first."""
    if sys.stdin.isatty():
        return " ".join(words), not words and sys.stdout.isatty()
    piped = decode_input(sys.stdin.buffer.read()).strip("\n")
    return " ".join(part for part in (piped, *words) if part), False


def _description(client: Client, name: str, *, is_insecure: bool) -> dict[str, Any]:
    """What the server knows of the model, which is pulled first when it is missing."""
    try:
        return _show(client, name)
    except ServerError as error:
        if error.status != 404 or error.is_unknown_path:
            raise
    try:
        pull_model(client, name, is_insecure=is_insecure)
    except ServerError as error:
        raise ServerError(f"{error}{suggest_model(client, name)}", status=error.status) from None
    return _show(client, name)


def _show(client: Client, name: str) -> dict[str, Any]:
    description: dict[str, Any] = client.post("/api/show", {"model": name})
    return description


def _keep_alive(text: str) -> float | None:
    """Seconds; negative for ever."""
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise CommandError(str(error)) from None


def _think(text: str) -> bool | str | None:
    if text and text.lower() not in _THINK:
        raise CommandError(f'invalid value for --think: "{text}" (must be true, false, high, medium, low, or max)')
    return _THINK[text.lower()] if text else None


def _truncate(text: str) -> bool | None:
    if text and text.lower() not in ("true", "false"):
        raise CommandError(f'invalid value for --truncate: "{text}" (must be true or false)')
    return text.lower() == "true" if text else None
