"""Detailed captions teach more than short ones: `python -m yozora.recipes.claims.captions`.

Three runs of equal steps from random weights on the same clips: one hears short captions only, one full ones only, one a mixture.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.world import Exam
from yozora.recipes import further
from yozora.recipes.claims.trial import BATCHES, PAGES, Folder, Out, Page, echo, held, measure, small, train, write
from yozora.train.generator import LENGTHS
from yozora.train.recipe import GeneratorStage

HEARD = {"short": (("short", 1.0),), "full": (("full", 1.0),), "mixed": LENGTHS}
TEXT = """`python -m yozora.recipes.claims.captions --steps {steps} --cases {cases}`

Sora was trained on captions that a video-to-text model had rewritten in detail. Here the captions are the engine's own:
short ones, which name what there is and little else; full ones, which say everything; and the mixture that the recipes
use. Each run takes {steps} steps of about 2,048 tokens from random weights on the same clips, with no scripts (a step with long
captions takes longer: the arms are equal in clips and tokens of video); all are asked in the sentences of the world suite, which lie in
between. Losses are means over {batches} batches of clips that no run has seen, in brackets how far they are from the first arm's on the
same clips and noise, with the standard error of that; each arm is at home in its own column.

| captions in training | loss under short captions | under full ones | under the mixture |
|---|---|---|---|
{losses}"""


def main(
    steps: Annotated[int, typer.Option(min=5)] = 600,
    cases: Annotated[int, typer.Option(min=1, help="of the world suite, the same for all")] = 60,
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Train on each length of captions, measure all on the same unseen clips and cases, and write a page."""
    command.check_folder(out)
    models = train({name: hearing(small(steps), name) for name in HEARD}, folder, model, echo)
    typer.echo(compared(models, steps, Exam(model=model, folder=folder / "captions", seal="captions"), cases, out))


def compared(models: Mapping[str, Path], steps: int, exam: Exam, cases: int, out: Path) -> Path:
    """Measure models that were trained for so many steps on the same unseen clips and cases, and write the page."""
    base = further.recipe()
    asked = [held(models, replace(base, generator=hearing(base.generator, name)), echo) for name in HEARD]
    rows = [" | ".join(["", name, *(str(found[name]) for found in asked), ""]).strip() for name in HEARD]
    arms = measure(models, exam, cases)
    text = TEXT.format(steps=steps, cases=cases, batches=BATCHES, losses="\n".join(rows))
    return write(out, Page(name="captions", title="Short against detailed captions", text=text), arms)


def hearing(stage: GeneratorStage, name: str) -> GeneratorStage:
    """A stage in which clips are read by captions of some lengths, and never by a script."""
    return replace(stage, batching=replace(stage.batching, lengths=HEARD[name], scripted=0.0))


if __name__ == "__main__":
    command.run(main)
