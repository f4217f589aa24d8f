"""All commands together."""

import typer

from yozora.cli import captions, evaluating, machine, tasks, training, world
from yozora.command import run

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
app.callback(help="Yozora: words, pictures and videos to video.")(lambda: None)
tasks.add_to(app)
captions.add_to(app)
training.add_to(app)
evaluating.add_to(app)
machine.add_to(app)
app.add_typer(world.app, name="world")


def main() -> None:
    """Run the command line."""
    run(app)
