"""`python -m inference serve`: the model runtime without the web site."""

import sys

_USAGE = "Usage: python -m inference serve"


def main(arguments: list[str]) -> int:
    if arguments != ["serve"]:
        print(_USAGE, file=sys.stderr)  # noqa: T201
        return 2
    from inference.api.server import StartupError, serve
    from inference.settings import SettingsError, read_settings

    try:
        serve(read_settings())
    except (SettingsError, StartupError) as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
