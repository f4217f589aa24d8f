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
from yozora.model import Model, load, save
from yozora.plan import choose_device
from yozora.recipes import further
from yozora.train.generator import Aids
from yozora.train.recipe import GeneratorStage, Recipe
from yozora.train.stages import clips_of, generator_task, networks, train_generator

OPENING = 0.35  # of the steps, in which stills take most of the tokens
TIMED, WARM = 6, 2  # steps by which a trick's speed is measured, after some that do not count


def tokens(stage: GeneratorStage, share: float) -> GeneratorStage:
    """Steps of so much of the tokens; the rate follows the root."""
    batching, how = stage.batching, stage.optimization
    batching = replace(batching, tokens=round(batching.tokens * share), groups=max(3, round(batching.groups * share)))
    return replace(stage, batching=batching, optimization=replace(how, rate=how.rate * share**0.5))


def rate(stage: GeneratorStage, times: float) -> GeneratorStage:
    """Another peak rate."""
    return replace(stage, optimization=replace(stage.optimization, rate=stage.optimization.rate * times))


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
    """Processor time of a step of a model with random weights, over all cores; the update of the weights is left out."""
    device = next(model.vae.parameters()).device
    text, transformer = networks(recipe, model.vae, model.text.tokenizer)
    fresh = replace(model, text=text.to(device), transformer=transformer.to(device))
    with clips_of(recipe, model.vae, folder / "vae.safetensors", typer.echo) as source:
        task = generator_task(recipe, fresh, source)
        for step in range(WARM + TIMED):
            if step == WARM:
                began = time.process_time()
            for loss in task.losses(step):
                loss.value.backward()
    return (time.process_time() - began) / TIMED


def main(
    names: Annotated[list[str], typer.Argument(metavar="TRICK...", help=", ".join(TRICKS))],
    minutes: Annotated[float, typer.Option(min=0.1, help="of processor time for each, over all cores")] = 20.0,
    folder: Annotated[Path, typer.Option(help="where the recipe's clips are kept, and the models go")] = Path("runs/further"),
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    start: Annotated[bool, typer.Option(help="go on from its other weights too, with no opening of stills")] = False,  # noqa: FBT002
) -> None:
    """Train each for so many minutes of processor time, and keep the model in the folder under `trick-NAME`."""
    if unknown := [name for name in names if name not in TRICKS]:
        raise ValueError(f"no trick {unknown[0]!r}; choose from {', '.join(TRICKS)}")
    device, base = choose_device(), further.recipe()
    other = load(model, device, torch.float32)
    stage = replace(base.generator, optimization=replace(base.generator.optimization, rate=1e-3, warmup=100))
    stage = replace(stage, batching=replace(stage.batching, tokens=2048, groups=3), aids=Aids(), posthoc=False)
    for name in names:
        recipe = replace(base, name=f"trick-{name}", variant=f"trick-{name}", generator=TRICKS[name](stage))
        steps = int(60 * minutes / seconds_a_step(recipe, other, folder))
        typer.echo(f"{name}: {steps} steps")
        tried = recipe.generator
        batching = replace(tried.batching, opening=0 if start else round(OPENING * steps))
        how = replace(tried.optimization, steps=steps, warmup=min(100, steps // 5))
        recipe = replace(recipe, generator=replace(tried, batching=batching, optimization=how, show_every=steps))
        save(train_generator(recipe, other.vae, folder, device, typer.echo, model if start else ""), folder / recipe.name)


if __name__ == "__main__":
    command.run(main)
