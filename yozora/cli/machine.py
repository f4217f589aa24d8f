"""Commands about the machine and about weights: what there is, and from one layout to another."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Target(StrEnum):
    """How open weights lie in files."""

    diffusers = "diffusers"
    original = "original"
    comfy = "comfy"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(doctor)
    app.command()(convert)


def convert(
    source: Annotated[str, typer.Argument(help="folder or file of open weights, or OWNER/NAME of Hugging Face")],
    to: Annotated[Target, typer.Option(help="a folder of diffusers, a repository of Wan's own code, or single files of ComfyUI")],
    output: Annotated[Path, typer.Option("--output", "-o", help="new folder")],
) -> None:
    """Write open weights in another layout, every number as it was."""
    from yozora.model import find, layout_of, own
    from yozora.model.convert import convert as write  # brings torch, as does the other

    found = find(source)
    if layout_of(found) is own:
        raise ValueError(f"{source} is a model of ours, which has no other layout; name open weights")
    for file in write(found, output, to.value):
        print(file)


def doctor() -> None:
    """Say what this machine has for the work, what will be used of it, and what to do about what is missing."""
    from yozora.doctor import examine  # brings torch

    found = list(examine())
    width = max(len(one.subject) for one in found)
    for one in found:
        print(f"{one.subject:<{width}}  {one.state}" + (f" -> {one.remedy}" if one.remedy else ""))
