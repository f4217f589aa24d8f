"""Tricks of training, each for the same processor time on the same clips: `python benchmarks/tricks.py plain small-steps`.

All begin from random weights, or with `--start` from those of the model. Each leaves a model folder; `python benchmarks/loss.py` compares
their losses on clips that none has seen.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from yozora import command
from yozora.model import Model, load
from yozora.plan import choose_device
from yozora.recipes import further
from yozora.recipes.claims.trial import small, train
from yozora.train.generator import Aids
from yozora.train.loop import State
from yozora.train.recipe import GeneratorStage, Recipe
from yozora.train.stages import clips_of, generator_task, networks

TIMED, WARM = 6, 2  # steps by which a trick's speed is measured, after some that do not count


def tokens(stage: GeneratorStage, share: float) -> GeneratorStage:
    """Steps of so much of the tokens; the rate follows the root."""
    batching, how = stage.batching, stage.optimization
    batching = replace(batching, tokens=round(batching.tokens * share), groups=max(3, round(batching.groups * share)))
    return replace(stage, batching=batching, optimization=replace(how, rate=how.rate * share**0.5))


def rate(stage: GeneratorStage, times: float) -> GeneratorStage:
    """Another peak rate."""
    return replace(stage, optimization=replace(stage.optimization, rate=stage.optimization.rate * times))


def batched(stage: GeneratorStage, **changed: object) -> GeneratorStage:
    """Other batches."""
    return replace(stage, batching=replace(stage.batching, **changed))


def widths(stage: GeneratorStage, dim: int, layers: int) -> GeneratorStage:
    """Another size of transformer."""
    return replace(stage, widths=replace(stage.widths, dim=dim, feedforward=4 * dim, layers=layers))


TRICKS: dict[str, Callable[[GeneratorStage], GeneratorStage]] = {
    "plain": lambda stage: stage,
    "large-steps": lambda stage: tokens(stage, 4.0),
    "small-steps": lambda stage: tokens(stage, 0.5),
    "adamw": lambda stage: replace(stage, optimization=replace(stage.optimization, muon=False)),
    "double-rate": lambda stage: rate(stage, 2.0),
    "half-rate": lambda stage: rate(stage, 0.5),
    "unshifted": lambda stage: batched(stage, shifted=False),
    "no-opening": lambda stage: batched(stage, opening=0),
    "narrow": lambda stage: widths(stage, 160, 6),
    "shallow": lambda stage: widths(stage, 256, 4),
    "deep": lambda stage: widths(stage, 192, 10),
    "bypass-half": lambda stage: replace(stage, aids=Aids(bypassed=0.5)),
    "bypass-most": lambda stage: replace(stage, aids=Aids(bypassed=0.75)),
    "aligned": lambda stage: replace(stage, aids=Aids(teacher="hoshi")),
    "aligned-late": lambda stage: replace(stage, aids=Aids(teacher="hoshi", after=3)),
    "near": lambda stage: replace(stage, widths=replace(stage.widths, near=True)),
    "mirrored": lambda stage: replace(stage, aids=Aids(mirrored=True)),
    "paired": lambda stage: replace(stage, aids=Aids(paired=True)),
    "things": lambda stage: replace(stage, aids=Aids(things=6.0)),
}


def seconds_a_step(recipe: Recipe, model: Model, folder: Path) -> float:
    """Processor time of a step of a model with random weights, over all cores."""
    device = next(model.vae.parameters()).device
    text, transformer = networks(recipe, model.vae, model.own_text.tokenizer)
    fresh = replace(model, text=text.to(device), transformer=transformer.to(device))
    with clips_of(recipe, model.vae, folder / "vae.safetensors", typer.echo) as source:
        task = generator_task(recipe, fresh, source)
        state = State(task, average=recipe.generator.average)
        for step in range(WARM + TIMED):
            if step == WARM:
                began = time.process_time()
            for _ in state.advance(step):
                pass
    return (time.process_time() - began) / TIMED


def main(
    names: Annotated[list[str], typer.Argument(metavar="TRICK...", help=", ".join(TRICKS))],
    minutes: Annotated[float, typer.Option(min=0.1, help="of processor time for each, over all cores")] = 20.0,
    folder: Annotated[Path, typer.Option(help="where the recipe's clips are kept, and the models go")] = Path("runs/further"),
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    start: Annotated[bool, typer.Option(help="go on from its other weights too, with no opening of stills")] = False,  # noqa: FBT002
) -> None:
    """Train each for so many minutes of processor time, and keep the model in the folder under `arm-NAME`."""
    if unknown := [name for name in names if name not in TRICKS]:
        raise ValueError(f"no trick {unknown[0]!r}; choose from {', '.join(TRICKS)}")
    other = load(model, choose_device(), torch.float32)
    for name in names:
        stage = TRICKS[name](small(WARM + TIMED))
        seconds = seconds_a_step(replace(further.recipe(), generator=stage), other, folder)
        longer = small(max(5, int(60 * minutes / seconds)))
        began = time.process_time()
        train({name: TRICKS[name](batched(longer, opening=0) if start else longer)}, folder, model, typer.echo, start=start)
        typer.echo(
            f"{name}: {seconds:.2f} s a step, {time.process_time() - began:.0f} s of processor time with what shows and keeps the model"
        )


if __name__ == "__main__":
    command.run(main)
