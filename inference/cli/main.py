"""The entry point: runs a command and turns whatever goes wrong into one sentence and an exit code."""

import os
import sys
from collections.abc import Sequence

import click

from inference.cli.errors import CommandError
from inference.cli.group import root
from inference.cli.terminal import prepare_streams, visible

#: What a shell reports of a program that was ended by Ctrl-C.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    prepare_streams()
    try:
        root.main(args=arguments, prog_name="hearth", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        return _fail(error.format_message())
    except CommandError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # Whoever read our output has gone.
        _write_no_more()
        return 1
    except OSError as error:
        _write_no_more()
        return _fail(f"the output cannot be written: {error.strerror or error}")
    return 0


def _write_no_more() -> None:
    """Python would complain once more when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    click.echo(f"Error: {visible(message)}", err=True)
    return 1
