"""Write the pages that come from the program itself: `python docs/generate.py`; a test fails where they are stale."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from yozora.cli.entry import app


def commands(group: Any, before: str = "") -> Iterator[str]:
    """The full names of all commands below a group."""
    for name, command in group.commands.items():
        yield from commands(command, f"{before}{name} ") if hasattr(command, "commands") else [before + name]


def command_page() -> str:
    """docs/cli.md: what each command says of itself."""
    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"})
    text = "# The command line\n\nMade by `python docs/generate.py` from the program; do not edit.\n"
    for command in commands(typer.main.get_group(app)):
        said = runner.invoke(app, [*command.split(), "--help"], prog_name="yozora").output.rstrip()
        text += f"\n## yozora {command}\n\n```\n{said}\n```\n"
    return text


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(command_page(), encoding="utf-8")
