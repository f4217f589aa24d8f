"""Write the pages that come from the program itself: `python docs/generate.py`; a test fails where they are stale."""

from pathlib import Path

from typer.testing import CliRunner

from yozora.cli.entry import app

COMMANDS = ("generate", "train", "world render", "world scene")


def command_page() -> str:
    """docs/cli.md: what each command says of itself."""
    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"})
    text = "# The command line\n\nMade by `python docs/generate.py` from the program; do not edit.\n"
    for command in COMMANDS:
        said = runner.invoke(app, [*command.split(), "--help"], prog_name="yozora").output.rstrip()
        text += f"\n## yozora {command}\n\n```\n{said}\n```\n"
    return text


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(command_page(), encoding="utf-8")
