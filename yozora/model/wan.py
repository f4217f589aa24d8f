"""A folder of open weights of the Wan family, in the layout of the library diffusers, asked and loaded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from yozora.flow.schedule import Schedule
from yozora.model.parts import Habits, Model, Trained
from yozora.text import UMT5
from yozora.transformer.keys import config_from_diffusers, read_state
from yozora.transformer.model import Transformer
from yozora.vae import VideoVAE
from yozora.vae.keys import config_from_diffusers_vae, from_diffusers_vae
from yozora.weights import Shelf, sha256, shards

DESCRIPTION = "model_index.json"
WEIGHTS = {"vae": "diffusion_pytorch_model", "text_encoder": "model", "transformer": "diffusion_pytorch_model"}
STEPS = 1000  # from data to noise in Wan's training; solvers begin a hair below the last and end one above the first
PIPELINES = {"WanPipeline"}


def name_of(folder: Path) -> str:
    """What a model is called in what it makes: the folder's name."""
    return folder.resolve().name


def habits_of(folder: Path) -> Habits:
    """How weights of these sizes are used by those who trained them."""
    described = description(folder, DESCRIPTION)
    if (pipeline := described.get("_class_name")) not in PIPELINES:
        raise ValueError(f"{folder} holds a {pipeline}, which is none of the Wan family that is known here: {', '.join(sorted(PIPELINES))}")
    shift = float(description(folder, "scheduler/scheduler_config.json").get("flow_shift", 1.0))
    schedule = Schedule(shift=shift, lowest=1 / STEPS, highest=1 - 1e-6, grain=1 / STEPS)
    if described.get("expand_timesteps"):
        trained = Trained(sides=(704, 1280), frames=(1, 121))
        return Habits(size=(1280, 704), seconds=5.0, fps=24.0, steps=50, guidance=5.0, trained=trained, schedule=schedule, hears="token")
    small = int(description(folder, "transformer/config.json").get("num_layers", 0)) < 40
    trained = Trained(sides=(480, 832 if small else 1280), frames=(1, 81))
    size = (832, 480) if small else (1280, 720)
    return Habits(size=size, seconds=5.0, fps=16.0, steps=50, guidance=5.0, trained=trained, schedule=schedule, hears="clip")


def cell_of(folder: Path) -> tuple[int, int, int]:
    """Pixels (time, height, width) that a cell of the latents stands for."""
    return config_from_diffusers_vae(description(folder, "vae/config.json")).cell


def leaps_of(folder: Path) -> int:
    """There are no students in these folders."""
    return 0


def digest(folder: Path) -> str:
    """Hash of all weights, the VAE's first."""
    return "-".join(sha256(file)[:8] for part, stem in WEIGHTS.items() for file in shards(folder / part, stem))


def load(folder: Path, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...] = ()) -> Model:
    """Load a model for inference, its text encoder only while it reads; raises ValueError with the keys that do not fit."""
    habits, known = habits_of(folder), digest(folder)
    text = UMT5(encoder=folder / "text_encoder", tokenizer=folder / "tokenizer", device=device)
    text.read(texts)
    vae_config = config_from_diffusers_vae(description(folder, "vae/config.json"))
    config = config_from_diffusers(description(folder, "transformer/config.json"))
    with torch.device("meta"):  # no random weights only to replace them
        vae, transformer = VideoVAE(vae_config), Transformer(config)
    fill(vae, from_diffusers_vae(shelf(folder, "vae")), torch.float32)
    fill(transformer, read_state(shelf(folder, "transformer"), config), dtype)
    for module in (vae, transformer):
        module.to(device).eval().requires_grad_(requires_grad=False)
    return Model(name=name_of(folder), digest=known, vae=vae, text=text, transformer=transformer, habits=habits)


def shelf(folder: Path, part: str) -> Shelf:
    """The weights of a part."""
    return Shelf(shards(folder / part, WEIGHTS[part]))


def fill(module: nn.Module, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype) -> None:
    """Give a module on the meta device its weights."""
    module.load_state_dict({name: value.to(dtype) for name, value in tensors.items()}, assign=True)


def description(folder: Path, file: str) -> dict[str, Any]:
    """The contents of a JSON file of a model's folder; raises ValueError where it cannot be read."""
    try:
        found = json.loads((folder / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{folder / file} holds no table")
    return found
