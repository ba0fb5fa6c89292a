"""`hearth stop MODEL`"""

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_running
from inference.cli.errors import CommandError, ServerError
from inference.cli.suggestions import suggest_model


@declare("stop", "MODEL", least=1, most=1, completes=complete_running)
def command(words: tuple[str, ...]) -> None:
    client = Client()
    try:
        client.post("/api/generate", {"model": words[0], "keep_alive": 0})
    except ServerError as error:
        if error.status == 404:
            raise CommandError(f'couldn\'t find model "{words[0]}" to stop{suggest_model(client, words[0])}') from None
        raise
