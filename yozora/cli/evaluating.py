"""The evaluation command."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Suite(StrEnum):
    """What can be measured."""

    verbs = "verbs"
    prompts = "prompts"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    model: Annotated[str, typer.Argument(help="bundled model or folder")] = "hoshi",
    suite: Annotated[
        Suite, typer.Option(help="verbs: each on given clips; prompts: sentences alone, as in the model's card")
    ] = Suite.verbs,
    cases: Annotated[int, typer.Option(min=1, help="cases of each verb, or prompts of each kind")] = 16,
    verb: Annotated[list[str] | None, typer.Option(help="measure this one alone; may be given several times")] = None,
    out: Annotated[Path, typer.Option(help="where clips and tables go; an interrupted run goes on from there")] = Path("evaluation"),
) -> None:
    """Measure a model on clips that nobody picked, beside true renders and beside stand-ins that must fail."""
    if verb and suite is not Suite.verbs:
        raise ValueError("--verb chooses among the verbs; leave it out, or measure --suite verbs")
    if not next(path for path in (out, *out.absolute().parents) if path.exists()).is_dir():
        raise ValueError(f"{out} cannot be a folder, because a file is in its place; name another in --out")
    if suite is Suite.prompts:
        from yozora.evaluate.card import main

        main(model, clips=cases, out=out, batch=4)
        return
    from yozora.evaluate.verbs import VERBS, run

    print(run(model, out, cases, verb or tuple(VERBS)))
