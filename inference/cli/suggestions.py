"""What may have been meant by a name that is not there."""

import contextlib
import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.cli.client import Client

_CLOSE = 0.6


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A sentence to go behind an error, or nothing."""
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=_CLOSE)
    return f". Did you mean '{close[0]}'?" if close else ""


def suggest_model(client: "Client", name: str) -> str:
    """The installed model that the name is close to, as a sentence to go behind an error."""
    from inference.cli.errors import CommandError

    with contextlib.suppress(CommandError, KeyError, TypeError):
        names = [str(model["name"]) for model in client.get("/api/tags")["models"]]
        shortened = {installed.removesuffix(":latest"): installed for installed in names}
        without_tags = {installed.partition(":")[0]: installed for installed in names}
        found = difflib.get_close_matches(name, [*shortened, *without_tags], n=1, cutoff=_CLOSE)
        if found:
            return f". Did you mean '{shortened.get(found[0]) or without_tags[found[0]]}'?"
    return ""
