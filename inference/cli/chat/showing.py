"""`/show …`"""

import click

from inference.cli.chat import texts
from inference.cli.chat.session import Session
from inference.cli.description import describe
from inference.cli.terminal import visible


def show(session: Session, what: str) -> None:
    """`what` is the word after `/show`. Raises `CommandError`."""
    if not what:
        click.echo(texts.SHOW)
        return
    if what not in ("info", "license", "modelfile", "parameters", "system", "template"):
        click.echo(texts.unknown(visible(f"/show {what}")))
        return
    model = session.client.post("/api/show", {"model": session.model})
    match what:
        case "info":
            click.echo("\n".join(describe(model)))
        case "parameters":
            _show_parameters(session, str(model.get("parameters") or ""))
        case "system":
            _show_text(session.system or str(model.get("system") or ""), "No system message was specified for this model.")
        case "template":
            _show_text(str(model.get("template") or ""), "No prompt template was specified for this model.")
        case "license":
            _show_text(str(model.get("license") or ""), "No license was specified for this model.")
        case "modelfile":
            _show_text(str(model.get("modelfile") or ""), "No Modelfile is known for this model.")


def _show_text(text: str, without: str) -> None:
    click.echo(f"{visible(text)}\n" if text else without)


def _show_parameters(session: Session, defined: str) -> None:
    click.echo("Model defined parameters:")
    if defined:
        click.echo("\n".join(f"  {visible(line)}" for line in defined.splitlines()))
    else:
        click.echo("  No additional parameters were specified for this model.")
    click.echo()
    if session.options:
        click.echo("User defined parameters:")
        for name, value in session.options.items():
            for item in value if isinstance(value, list) else [value]:
                click.echo(visible(f"  {name:<30} {item}"))
        click.echo()
