"""Commands about the machine and about weights: what there is, and from one layout to another."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from yozora.tasks.settings import Settings


class Target(StrEnum):
    """How open weights lie in files."""

    diffusers = "diffusers"
    original = "original"
    comfy = "comfy"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(doctor)
    app.command()(convert)
    app.command()(plan)


def plan(
    model: Annotated[str, typer.Option(help="bundled model, folder, file, or OWNER/NAME of Hugging Face")] = "hoshi",
    size: Annotated[str | None, typer.Option(help="width x height in pixels")] = None,
    seconds: Annotated[float | None, typer.Option(help="length of the clip")] = None,
    frames: Annotated[int | None, typer.Option(help="the same in the model's own frames")] = None,
    steps: Annotated[int | None, typer.Option(help="solver steps")] = None,
    count: Annotated[int, typer.Option(help="clips to make")] = 1,
) -> None:
    """Say what a clip would take before it is made: memory and time of each stage, and how it would be done."""
    from yozora.tasks.generate import Generate
    from yozora.tasks.settings import Settings

    given = {"size": size, "seconds": seconds, "frames": frames, "steps": steps}
    settings = Settings(model=model, count=count, **{name: value for name, value in given.items() if value is not None})
    from yozora.forecast import forecast  # brings torch, as does the next
    from yozora.order import prepare
    from yozora.plan import TooLarge

    try:
        found = forecast(prepare(Generate(prompt="anything"), settings))
    except TooLarge as error:
        raise ValueError(f"{error}; {nearest_to(settings)}") from error
    print(f"parameters  {', '.join(f'{name} {number / 1e6:,.1f} M' for name, number in found.parameters.items())}")
    for name, held in found.read().items():
        print(f"{name:<10}  {'-':>8}    {held / 1e9:6.2f} GB  loaded, asked and freed")
    for stage in found.stages:
        held = (found.base + found.weights.device + stage.memory) / 1e9
        print(f"{stage.name:<10}  {stage.seconds:8.1f} s  {held:6.2f} GB  {stage.calls} calls")
    room = (found.free.device + found.base) / 1e9
    print(f"together    {found.seconds:8.1f} s  {found.peak / 1e9:6.2f} GB at most of {room:.2f} GB; loading and reading words come on top")
    if found.weights.beside:
        print(f"beside      {found.weights.beside / 1e9:20.2f} GB in main memory of {found.free.beside / 1e9:.2f} GB")
    print("; ".join(found.notes))
    if not found.fits:
        needed, free = (found.peak - found.base) / 1e9, found.free.device / 1e9
        raise ValueError(f"{needed:.1f} GB are needed and {free:.1f} GB free; {nearest_to(settings)}")


def nearest_to(settings: "Settings") -> str:
    """What could be asked for instead of what does not fit."""
    from yozora.forecast import nearest
    from yozora.tasks.generate import Generate

    smaller = nearest(Generate(prompt="anything"), settings)
    if smaller and smaller.size:
        return f"this would fit: --size {smaller.size[0]}x{smaller.size[1]} --frames {smaller.frames}"
    return "nothing smaller fits either"


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
