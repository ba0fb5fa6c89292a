"""`hearth optimise MODEL [DESTINATION]`"""

from typing import Any

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.commands.bench import tokens_per_second
from inference.cli.completing import complete_models
from inference.cli.figures import human_bytes
from inference.cli.jobs import run_job
from inference.cli.table import print_table
from inference.cli.terminal import visible


@declare("optimise", "MODEL [DESTINATION]", least=1, most=2, completes=complete_models)
@click.option(
    "--perplexity-limit",
    type=float,
    default=1.1,
    metavar="float",
    help="How many times the perplexity of the original is accepted (default 1.1)",
)
def command(words: tuple[str, ...], perplexity_limit: float) -> None:
    destination = {"destination": words[1]} if len(words) > 1 else {}
    print_result(run_job(Client(), "optimise", words[0], perplexity_limit=perplexity_limit, **destination))


def print_result(result: dict[str, Any]) -> None:
    written = result["model"]
    rows = [_row(str(result["source"]), result["before"])]
    rows += [_row(_name(figures, result), figures) for figures in result["tried"]]
    print_table(("NAME", "QUANTIZATION", "SIZE", "PREFILL", "DECODE", "PERPLEXITY"), rows)
    click.echo()
    if written:
        click.echo(visible(f"Created '{written}'; '{result['source']}' is kept."))
    else:
        click.echo(visible(str(result["reason"])))


def _name(figures: dict[str, Any], result: dict[str, Any]) -> str:
    return str(result["model"]) if result["model"] and figures == result["after"] else "(tried)"


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    perplexity = figures.get("perplexity")
    return (
        name,
        str(figures["quantization"]),
        human_bytes(int(figures["size"])),
        tokens_per_second(figures["prefill"]),
        tokens_per_second(figures["decode"]),
        f"{perplexity:.2f}" if perplexity is not None else "-",
    )
