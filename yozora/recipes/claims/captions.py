"""Detailed captions teach more than short ones: `python -m yozora.recipes.claims.captions`.

Two runs of equal compute from random weights on the same clips, one of which hears short captions only and the other full ones only.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.world import Exam
from yozora.recipes import further
from yozora.recipes.claims.trial import PAGES, Folder, Out, echo, measure, small, train, write
from yozora.train.recipe import GeneratorStage

LENGTHS = {"short": {"short": 1.0}, "full": {"full": 1.0}, "mixed": {"short": 0.32, "sentence": 0.6, "full": 0.08}}
TEXT = """`python -m yozora.recipes.claims.captions --steps {steps} --cases {cases}`

Sora was trained on captions that a video-to-text model had rewritten in detail. Here the captions are the engine's own:
short ones, which name what there is and little else; full ones, which say everything; and the mixture that the recipes
use. Each run takes {steps} steps of about 2,048 tokens from random weights on the same clips, with no scripts; all are asked in
the sentences of the world suite, which lie in between.

| captions | loss on unseen clips, under the mixture of captions |
|---|---|
{losses}"""


def stages_of(steps: int) -> dict[str, GeneratorStage]:
    """The generator's stage of each arm."""
    stage = small(further.recipe(), steps)
    heard = {name: replace(stage.batching, lengths=tuple(lengths.items()), scripted=0.0) for name, lengths in LENGTHS.items()}
    return {name: replace(stage, batching=batching) for name, batching in heard.items()}


def main(
    steps: Annotated[int, typer.Option(min=5)] = 900,
    cases: Annotated[int, typer.Option(min=1, help="of the world suite, the same for all")] = 60,
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Train on each length of captions, measure all on the same unseen clips and cases, and write a page."""
    command.check_folder(out)
    exam = Exam(model=model, folder=folder / "captions", seal="captions")
    arms = measure(train(stages_of(steps), folder, model, echo), exam, cases, further.recipe(), echo)
    rows = "\n".join(f"| {name} | {arm.loss[0]:.3f} +- {arm.loss[1]:.3f} |" for name, arm in arms.items())
    typer.echo(write(out, "captions", "Short against detailed captions", TEXT.format(steps=steps, cases=cases, losses=rows), arms))


if __name__ == "__main__":
    command.run(main)
