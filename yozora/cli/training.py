"""The training command."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yozora.cli.captions import Length

if TYPE_CHECKING:
    from yozora.train.recipe import Recipe


class RecipeName(StrEnum):
    """Recipes that come with Yozora."""

    debug = "debug"
    laptop = "laptop"
    further = "further"
    gpu = "gpu"


class Part(StrEnum):
    """Networks that can be trained alone."""

    captioner = "captioner"
    student = "student"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    recipe: Annotated[
        RecipeName, typer.Argument(help="debug (a minute), laptop (two CPU cores), further (on from its weights), gpu (one large card)")
    ],
    folder: Annotated[Path, typer.Option(help="where the run keeps its state; run again to go on")] = Path("runs"),
    start: Annotated[str, typer.Option("--from", help="model whose weights the run starts from, its moments rebuilt by a warm-up")] = "",
    retold: Annotated[
        Length | None, typer.Option(help="train the generator anew on what the captioner of --from says of the clips, at this length")
    ] = None,
    only: Annotated[Part | None, typer.Option(help="train this network alone, for the model of --from")] = None,
) -> None:
    """Train a model by a recipe, from clips of the physics world to a model folder."""
    if (only or retold) and not start:
        raise ValueError(f"--{'only' if only else 'retold'} needs a model that is there; name it in --from")
    if only and retold:
        raise ValueError(f"--retold trains the generator and --only the {only.value}; leave one out")
    keep_memory()

    import torch

    from yozora.model import find
    from yozora.plan import choose_device, memory_free
    from yozora.train.recipe import Retold
    from yozora.train.runs import check_fits, run_part, run_recipe, run_retold

    if start:
        find(start)
    chosen, place, device = recipe_of(recipe), folder / recipe.value, choose_device()
    check_fits(chosen, device, memory_free(torch.device("cpu")), place)
    if retold:
        print(run_retold(chosen, place, device, Retold(model=start, length=retold.value)))
    else:
        print(run_part(chosen, place, device, start, only.value) if only else run_recipe(chosen, place, device, start=start))


def recipe_of(name: RecipeName) -> "Recipe":
    """A recipe by its name."""
    from importlib import import_module

    return import_module(f"yozora.recipes.{name.value}").recipe()


def keep_memory() -> None:
    """Start again with an allocator that keeps what is freed: on Linux, steps on a CPU are a fifth faster.

    glibc reads these settings before the program begins.
    """
    settings = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 36), "THP_MEM_ALLOC_ENABLE": "1"}
    if sys.platform == "linux" and not settings.keys() & os.environ.keys():
        os.execve(sys.executable, sys.orig_argv, os.environ | settings)
