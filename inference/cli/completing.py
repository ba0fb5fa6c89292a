"""What a shell is offered in place of a model's name: nothing, when no server answers at once."""

from inference.cli.errors import CommandError


def complete_models(prefix: str) -> list[str]:
    return _names("/api/tags", prefix)


def complete_running(prefix: str) -> list[str]:
    return _names("/api/ps", prefix)


def _names(path: str, prefix: str) -> list[str]:
    from inference.cli.client import Client

    try:
        names = [str(model["name"]) for model in Client().get(path)["models"]]
    except (CommandError, KeyError, TypeError):
        return []
    return [name for name in names if name.startswith(prefix)]
