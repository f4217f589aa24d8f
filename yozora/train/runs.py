"""Whole runs: the stages of a recipe one after another, or one of them alone for a model that is there."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from yozora.captioner import Captioner
from yozora.model import Model, Student, captioner_digest, digest, find, load, save
from yozora.train.inherit import retaught
from yozora.train.latents import PLACED, grid_of
from yozora.train.recipe import Recipe, Retold
from yozora.train.stages import Say, train_captioner, train_generator, train_student, train_vae
from yozora.vae import load_vae

GIB = 1 << 30
PIXEL = 5  # bytes of a film's pixel
PARTS = {"captioner": train_captioner, "student": train_student}  # that can be trained for a model that is there


def run_recipe(recipe: Recipe, folder: Path, device: torch.device, start: str = "", say: Say = print) -> Path:
    """All stages of a recipe below `folder`, each going on where it stopped; returns the model's folder.

    `start` names a model whose weights are taken up instead of random ones; its VAE is kept as it is, and its captioner, if it has one
    and the words are the same. Else captioner and student begin from its own, where sizes agree.
    """
    other = load(start, device, torch.float32) if start else None
    vae = other.vae if other else load_vae(train_vae(recipe, folder, device, say))
    model = train_generator(recipe, vae, folder, device, say, start)
    captioner, student = taken(other, model) if other else (None, None)
    if not (other and captioner and other.own_text.tokenizer.words == model.own_text.tokenizer.words):  # it writes its model's words
        captioner = train_captioner(recipe, replace(model, captioner=captioner), folder, device, say)
    save(replace(model, captioner=captioner), folder / recipe.name)
    made = replace(load(str(folder / recipe.name), device, torch.float32), student=student)
    save(replace(made, student=train_student(recipe, made, folder, device, say)), folder / recipe.name)
    return folder / recipe.name


def taken(other: Model, model: Model) -> tuple[Captioner | None, Student | None]:
    """Captioner and student of another model as those of this one begin: with its words, and only where networks are of the same sizes."""
    captioner = other.captioner and retaught(other.captioner, other.own_text.tokenizer, model.own_text.tokenizer)
    return captioner, other.student if other.transformer.config == model.transformer.config else None


def run_retold(recipe: Recipe, folder: Path, device: torch.device, retold: Retold, say: Say = print) -> Path:
    """The generator stage of a recipe, from random weights and with the words of a captioner; returns the model's folder.

    VAE and captioner are those of the model that `retold` names. To compare lengths of captions, run it with each: all else is equal.
    """
    other = load(retold.model, device, torch.float32)
    name = f"{recipe.name}-{retold.length}"
    words = f"{retold.length}-by-{captioner_digest(find(retold.model))}"
    recipe = replace(recipe, name=name, variant=words, retold=retold, generator=recipe.anew or recipe.generator)
    model = train_generator(recipe, other.vae, folder, device, say)
    save(replace(model, captioner=other.captioner), folder / name)
    return folder / name


def run_part(recipe: Recipe, folder: Path, device: torch.device, start: str, part: str, say: Say = print) -> Path:
    """One of the `PARTS` alone, for model `start`; returns the folder of that model with the new part."""
    model = load(start, device, torch.float32)
    check_place(folder / model.name, model)
    save(replace(model, **{part: PARTS[part](recipe, model, folder, device, say)}), folder / model.name)
    return folder / model.name


def check_place(folder: Path, model: Model) -> None:
    """Raise ValueError where a folder, in which a model with a new part is to be written, has another model."""
    if (folder / "model.json").exists() and digest(folder) != model.digest:
        raise ValueError(f"{folder} has another model than the one of --from, which would be lost; name it in --from, or another --folder")


def check_fits(recipe: Recipe, device: torch.device, free: int, folder: Path) -> None:
    """Raise ValueError with both figures where a recipe does not fit a device, `free` bytes of memory or a folder's disk.

    It says which recipe would. A run whose generator has begun has its clips.
    """
    small = "choose laptop or further, which need no card, or debug, which needs next to nothing"
    if recipe.card and device.type != "cuda":
        raise ValueError(f"this recipe is made for a card of {recipe.card} GiB or more, and torch finds none here; {small}")
    if recipe.card:
        held = torch.cuda.get_device_properties(device).total_memory / GIB
        if held < recipe.card:
            raise ValueError(f"this recipe is made for a card of {recipe.card} GiB or more, and this one has {held:.0f}; {small}")
    if not recipe.window and (needed := kept_bytes(recipe)) > free:
        said = f"the clips of this recipe take {needed / GIB:.1f} GiB as latents, and {free / GIB:.1f} GiB of memory are free"
        raise ValueError(f"{said}; close other programs, or choose debug, which needs next to nothing")

    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    room = shutil.disk_usage(place).free + sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    if not recipe.window and not (folder / "generator").exists() and (needed := filmed_bytes(recipe) + kept_bytes(recipe)) > room:
        said = f"the clips of this recipe take {needed / GIB:.1f} GiB on disk, and {folder} has {room / GIB:.1f} GiB"
        raise ValueError(f"{said}; name a place with more room in --folder, or choose debug, which needs next to nothing")


def filmed_bytes(recipe: Recipe) -> int:
    """How much disk the clips of a recipe take as pictures: a byte for each colour, a mask, and a second picture for one in three."""
    return sum(shape.pool * shape.frames * math.prod(shape.filmed) * PIXEL for shape in recipe.generator.batching.shapes)


def kept_bytes(recipe: Recipe) -> int:
    """How much memory the clips of a recipe take as latents: 16 bits a number, and for two of three a known part beside."""
    vae = recipe.vae.network
    grids = [(shape.pool, grid_of(vae, shape, recipe.generator.widths.patch)) for shape in recipe.generator.batching.shapes]
    return sum(pool * math.prod(grid.cells) * vae.channels * 2 * (2 * PLACED - 1) // PLACED for pool, grid in grids)
