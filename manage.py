#!/usr/bin/env python
"""Django's command line. `serve` is answered before Django is loaded: the supervisor needs none of it."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 -- whoever types python3 on an older system shall read a sentence
    sys.exit("Hearth needs Python 3.11 or newer; this is Python {}.{}.{} ({}).".format(*sys.version_info[:3], sys.executable))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")
    from webui.env import ConfigurationError

    try:
        run(sys.argv[1] if len(sys.argv) > 1 else "")
    except ConfigurationError as error:
        sys.exit(f"ConfigurationError: {error}")


def run(command: str) -> None:
    if command == "serve":
        from webui.supervisor.main import serve

        sys.exit(serve())
    if command == "bootstrap":
        # Django's settings do not load without the key.
        from webui.supervisor.data_directory import prepare_data_directory
        from webui.supervisor.secret_key import ensure_secret_key

        prepare_data_directory()
        ensure_secret_key()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
