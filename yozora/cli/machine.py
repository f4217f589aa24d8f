"""The command that says what this machine has."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor() -> None:
    """Say what this machine has for the work, what will be used of it, and what to do about what is missing."""
    from yozora.doctor import examine  # brings torch

    found = list(examine())
    width = max(len(one.subject) for one in found)
    for one in found:
        print(f"{one.subject:<{width}}  {one.state}" + (f" -> {one.remedy}" if one.remedy else ""))
