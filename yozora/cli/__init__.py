"""The command line: thin, and derived from the dataclasses that declare each task."""


def main() -> None:
    """Run the command line."""
    from yozora.cli.entry import main as run

    run()
