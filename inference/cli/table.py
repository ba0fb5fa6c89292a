"""Tables in Ollama's shape: upper-case headings, left aligned, four spaces between the columns, no borders."""

from collections.abc import Sequence

import click

from inference.cli.terminal import visible

GAP = 4


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in format_rows([headings, *rows]):
        click.echo(line)


def format_rows(rows: Sequence[Sequence[str]], *, indent: int = 0) -> list[str]:
    """Every cell, the last included, is padded to its column's width and `GAP` more, as clients that cut columns expect."""
    from rich.cells import cell_len

    clean = [[visible(cell).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*clean, strict=True)]
    return [
        " " * indent + "".join(cell + " " * (width - cell_len(cell) + GAP) for cell, width in zip(row, widths, strict=True))
        for row in clean
    ]
