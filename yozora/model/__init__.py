"""A name becomes a model: that of a bundled one, of a folder of our own or of the open weights of the Wan family."""

import math
import os
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from yozora.model import hub, loose, own, wan
from yozora.model.added import check_loras, suffix, with_loras
from yozora.model.own import CAPTIONER, FILES, captioner_digest, save
from yozora.model.parts import Habits, Hearing, Model, Student, Trained
from yozora.model.ways import Ways, ladder
from yozora.quality import Quality
from yozora.tasks.lora import Lora
from yozora.tasks.settings import Settings
from yozora.text.umt5_file import TABLES
from yozora.transformer.config import TransformerConfig
from yozora.vae import VAEConfig
from yozora.weights import shapes_of, types_of

__all__ = [
    "CAPTIONER",
    "FILES",
    "Habits",
    "Hearing",
    "Model",
    "Student",
    "Trained",
    "Ways",
    "captioner_digest",
    "check_loras",
    "save",
    "with_loras",
]


CAUSAL = {"causvid": "CausVid", "selfforcing": "Self-Forcing"}  # their tensors are named as Wan's, so that only their names tell


@runtime_checkable
class Layout(Protocol):
    """How models lie in folders: what can be asked of one without loading its weights, and loading them."""

    def name_of(self, folder: Path) -> str: ...
    def habits_of(self, folder: Path) -> Habits: ...
    def sizes_of(self, folder: Path) -> TransformerConfig: ...
    def vae_sizes_of(self, folder: Path) -> VAEConfig: ...
    def leaps_of(self, folder: Path) -> int: ...
    def readers_of(self, folder: Path) -> dict[str, list[Path]]: ...
    def digest(self, folder: Path) -> str: ...
    def load(self, folder: Path, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...], ways: Ways) -> Model: ...


def layout_of(folder: Path) -> Layout:
    """The layout of a folder that `find` found."""
    if os.path.isfile(folder / own.DESCRIPTION):
        return own
    return wan if os.path.isfile(folder / wan.DESCRIPTION) else loose


def find(name: str) -> Path:
    """The folder of a bundled model, the folder that `name` is, or one that a repository of that name is fetched to.

    Raises ValueError with the names there are.
    """
    if kind := next((kind for mark, kind in CAUSAL.items() if mark in re.sub(r"[^a-z]", "", Path(name).name.lower())), None):
        raise ValueError(f"{name} is {kind}, which makes a clip chunk by chunk and sees no frame ahead; it is not known here")
    bundled = Path(str(resources.files("yozora"))) / "models"
    for folder in (bundled / name, Path(name)):
        if is_model(folder):
            return folder
    names = ", ".join(sorted(path.parent.name for path in bundled.glob(f"*/{own.DESCRIPTION}")))
    if os.path.isdir(name):
        raise ValueError(f"{name} is a folder but no model: it has no {own.DESCRIPTION} or {wan.DESCRIPTION}; bundled models: {names}")
    if hub.is_repository(name):
        return hub.fetch(name, is_whole, check_listed)
    raise ValueError(f"unknown model {name[:100]!r}; bundled models: {names}; or give a model's folder, or OWNER/NAME of Hugging Face")


def is_model(path: Path) -> bool:
    """Whether a path is a model in one of the layouts; no name makes it raise."""
    described = any(os.path.isfile(path / file) for file in (own.DESCRIPTION, wan.DESCRIPTION))
    return described or (os.path.exists(path) and loose.is_loose(path))


def is_whole(folder: Path) -> bool:
    """Whether all of a fetched model is there: other programs fetch parts of one."""
    with suppress(ValueError):
        return is_model(folder) and (layout_of(folder) is not wan or bool(wan.files_of(folder)))
    return False


def check_listed(name: str, files: Sequence[str]) -> None:
    """Raise ValueError where the files of a repository, none of them fetched, make no model in a layout that is known here."""
    if {own.DESCRIPTION, wan.DESCRIPTION} & {*files}:
        return
    if not any(file.endswith(".safetensors") and (file.startswith(loose.STEM) or file.split("/")[0] in loose.FOLDERS) for file in files):
        raise ValueError(
            f"{name} holds no model in a layout that is known here: it has no {own.DESCRIPTION} or {wan.DESCRIPTION}; "
            "of single files for ComfyUI fetch those that you want, and name the transformer's"
        )
    if pickles := [file for file in files if file.endswith(hub.PICKLES)]:
        raise ValueError(
            f"{name} keeps parts as pickles ({pickles[0]}), which can run code when they are opened and are not fetched; "
            f"name the same weights in the layout of diffusers, if there are: {name.partition('@')[0]}-Diffusers"
        )


def load(name: str, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...] = (), ways: Ways | None = None) -> Model:
    """Load a bundled model or a folder for inference; raises ValueError for files that do not fit, with the keys listed.

    A large text encoder reads the `texts` first and makes room again, before the other weights need it. Where memory is short, `ways`
    are those of `ways_of`.
    """
    folder, ways = find(name), ways or Ways()
    model = layout_of(folder).load(folder, device, dtype, texts, ways)
    model.vae.tiling = ways.tiling
    return model


def ways_of(folder: Path, device: torch.device) -> tuple[Ways, ...]:
    """The ways in which a model can work on a device, from the dearest to the cheapest."""
    return ladder(device, large=layout_of(folder) is not own)


def habits_of(folder: Path) -> Habits:
    """A model's habits, read without loading its weights; raises ValueError for files that are not of this version."""
    return layout_of(folder).habits_of(folder)


def cell_of(folder: Path) -> tuple[int, int, int]:
    """Pixels (time, height, width) that a cell of a model's latents stands for, read without loading its weights."""
    return vae_sizes_of(folder).cell


def vae_sizes_of(folder: Path) -> VAEConfig:
    """The arrangement of a model's autoencoder, read without loading its weights."""
    return layout_of(folder).vae_sizes_of(folder)


def sizes_of(folder: Path) -> TransformerConfig:
    """The configuration of a model's transformer, or of each of two, read without loading its weights."""
    return layout_of(folder).sizes_of(folder)


def leaps_of(folder: Path) -> int:
    """In how many steps the student of a model makes a clip, read without loading its weights; 0 where there is none."""
    return layout_of(folder).leaps_of(folder)


def readers_of(folder: Path, device: torch.device) -> dict[str, int]:
    """Bytes of what is loaded to read words (in 16 bits) or to look at pictures (in 32), and freed again before a clip is made.

    On a processor a table of words that is in bfloat16 already stays in its file but for the rows that are read.
    """
    width, found = {"words": 2, "pictures": 4}, layout_of(folder).readers_of(folder)
    counts = {name: {one: math.prod(shape) for one, shape in shapes_of(files).items()} for name, files in found.items()}
    tables = {name for name, kind in types_of(found.get("words", ())).items() if name in TABLES and kind == "BF16"}
    for name in tables if device.type == "cpu" else ():
        del counts["words"][name]
    return {name: width[name] * sum(sizes.values()) for name, sizes in counts.items()}


def digest(folder: Path) -> str:
    """Hash of all files together that a model makes clips with, that of its VAE first."""
    return layout_of(folder).digest(folder)


def maker(folder: Path, quality: Quality, loras: Sequence[Lora] = ()) -> str:
    """What makes clips of a quality, by its name and hash."""
    student = f"-{own.student_digest(folder)}" if quality == "fast" else ""
    return f"{layout_of(folder).name_of(folder)} {digest(folder)}{student}{suffix(loras)}"


def check_quality(folder: Path, quality: Quality) -> int:
    """As `leaps_of`; raises ValueError where a model lacks what makes clips of this quality."""
    leaps = leaps_of(folder)
    if quality == "fast" and not leaps:
        train = f", or train one (yozora train further --from {shlex.quote(str(folder))} --only student)"
        said = train if layout_of(folder) is own else ""
        raise ValueError(f"{folder.name} has no student that would be fast; choose --quality standard{said}")
    return leaps


def check_maker(file: Path, by: str, settings: Settings) -> None:
    """Raise ValueError unless the model of some settings is still the one, named with its hash, that made a file."""
    now = maker(find(settings.model), settings.quality, settings.lora)
    if now != by:
        raise ValueError(
            f"{file} was made by {by}, and {settings.model} is now {now}: it cannot come out the same; bring those weights back"
        )
