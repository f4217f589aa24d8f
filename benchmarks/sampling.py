"""Ways to sample put to the same cases: `python benchmarks/sampling.py hoshi steps=30,eta=0 steps=30,eta=1 restarts=4`.

`restarts` is for the model's student, all else for the model itself; what a way leaves out is as the model is used.

The cases are of seen combinations, under a seal of their own: how a model is used is chosen by them, so nothing is chosen on held-out ones.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from yozora import command
from yozora.evaluate.cases import case
from yozora.evaluate.report import Row, measures, table
from yozora.evaluate.truth import usual_shot
from yozora.evaluate.world import loaded, verdict
from yozora.model import check_quality, find, habits_of
from yozora.order import Sampling
from yozora.pipeline import render

FIELDS = {"steps": int, "guidance": float, "low": float, "high": float, "eta": float, "restarts": int}
SEAL = "sampling"


def main(
    model: Annotated[str, typer.Argument(help="bundled model or folder")],
    ways: Annotated[list[str], typer.Argument(help=f"each as name=value,name=value; names: {', '.join(FIELDS)}")],
    cases: Annotated[int, typer.Option(min=1)] = 48,
    out: Annotated[Path | None, typer.Option(help="where the clips go, a folder for each way")] = None,
) -> None:
    """Print a table of the shares that pass, a line for each way, and the seconds of a clip."""
    asked = {way: read(way, model) for way in ways}
    if out:
        command.check_folder(out)
    rows = {way: tried(model, sampling, cases, out and out / way) for way, sampling in asked.items()}
    names = measures([row for some in rows.values() for row in some])
    typer.echo(f"{table(rows, names[:7], 'way')}\n\n{table(rows, names[7:], 'way')}")
    for way, some in rows.items():
        typer.echo(f"{way}: {sum(row['seconds'] for row in some) / cases:.1f} s a clip, {torch.get_num_threads()} threads")


def read(way: str, model: str) -> Sampling:
    """How to sample from a model, in the words of a way. Raises ValueError for words that make no sense here."""
    try:
        said = {name: FIELDS[name](value) for name, value in (part.split("=") for part in way.split(","))}
    except (KeyError, ValueError) as error:
        raise ValueError(f"cannot read {way!r}; write name=value,name=value with names among {', '.join(FIELDS)}") from error
    folder = find(model)
    if "restarts" in said:
        if len(said) > 1:
            raise ValueError(f"a student takes its own steps, unguided; leave out all but restarts in {way!r}")
        return replace(Sampling.by(habits_of(folder), "fast", check_quality(folder, "fast")), **said)
    usual = Sampling.by(habits_of(folder))
    guided = (said.pop("low", usual.guided[0]), said.pop("high", usual.guided[1]))
    return replace(usual, guided=guided, **said)


def tried(model: str, sampling: Sampling, cases: int, clips: Path | None) -> list[Row]:
    """The records of all cases; the clips go into a folder, if one is given."""
    rows, by = [], loaded(model, "fast" if sampling.student else "standard")
    shot = usual_shot(by)
    for number in range(cases):
        one = case(SEAL, "seen", number, shot)
        request, own = one.request()
        began = time.monotonic()
        (clip,) = render([request.canvas(own)], one.seeds[:1], sampling, by)
        seconds = time.monotonic() - began
        rows.append({"scores": None, **verdict(one, clip), "seconds": seconds})
        if clips:
            clips.mkdir(parents=True, exist_ok=True)
            clip.save(clips / f"{number:03}.mp4", {"prompt": one.prompt})
    return rows


if __name__ == "__main__":
    command.run(main)
