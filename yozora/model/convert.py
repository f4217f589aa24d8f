"""Open weights from one layout to another, every number as it was: folders of diffusers, Wan's own repositories, ComfyUI's single files."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from yozora.model import wan
from yozora.model.loose import EXPERTS, STEM, Loose
from yozora.model.loose import habits_of as loose_habits
from yozora.model.parts import Habits
from yozora.text.umt5_file import config_of_umt5, original_names, renamed
from yozora.transformer.config import TransformerConfig
from yozora.transformer.keys import config_to_diffusers, read_state, write_state
from yozora.vae import VAEConfig
from yozora.vae.keys import config_to_diffusers_vae, read_vae_state, vae_style_of, write_vae_state
from yozora.weights import Shelf, shards, write

Target = Literal["diffusers", "original", "comfy"]
PICTURES = ("image_encoder", "image_processor")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A model taken apart: what its parts are, and functions that read each when it is wanted."""

    habits: Habits
    transformer: TransformerConfig
    vae: VAEConfig
    networks: tuple[Callable[[], dict[str, Tensor]], ...]  # under our names
    autoencoder: Callable[[], dict[str, Tensor]]  # the same
    text: Callable[[], dict[str, Tensor]]  # under the names of `transformers`
    tokenizer: Path
    pictures: tuple[Path, ...]  # folders of the image encoder and of what prepares pictures for it


def convert(source: Path, to: Path, target: Target) -> list[Path]:
    """Write the weights of a model, a folder or a file, in a layout to a new folder; returns its files.

    Raises ValueError where the source is no model of open weights, or the folder is there already.
    """
    if to.exists():
        raise ValueError(f"{to} is there already; name a new folder")
    taken = taken_apart(source)
    {"diffusers": _diffusers, "original": _original, "comfy": _comfy}[target](taken, to)
    for folder in taken.pictures:
        shutil.copytree(folder, (to / "diffusion_models" if target == "comfy" else to) / folder.name)
    return sorted(file for file in to.rglob("*") if file.is_file())


def taken_apart(source: Path) -> Taken:
    """The parts of a model; raises ValueError where one is missing."""
    if (source / wan.DESCRIPTION).is_file():
        config, vae = wan.sizes_of(source), wan.vae_sizes_of(source)
        parts = [part for part in wan.parts_of(source) if part.startswith("transformer")]
        return Taken(
            habits=wan.habits_of(source),
            transformer=config,
            vae=vae,
            networks=tuple(lambda part=part: read_state(wan.shelf(source, part), config) for part in parts),
            autoencoder=lambda: read_vae_state(wan.shelf(source, "vae"), vae),
            text=lambda: renamed(wan.shelf(source, "text_encoder")),
            tokenizer=source / "tokenizer",
            pictures=tuple(source / name for name in PICTURES if (source / name).is_dir()),
        )
    found = Loose(source)
    file, vae = found.vae
    text, tokenizer = found.text
    tensors = Shelf([file])
    return Taken(
        habits=loose_habits(source),
        transformer=found.config,
        vae=vae,
        networks=tuple(lambda files=files: read_state(Shelf(files), found.config, found.style) for files in found.transformers),
        autoencoder=lambda: read_vae_state(tensors, vae, vae_style_of(tensors)),
        text=lambda: renamed(Shelf(shards(text, "model") if text.is_dir() else [text])),
        tokenizer=tokenizer,
        pictures=tuple(found.folder / name for name in PICTURES if (found.folder / name).is_dir()),
    )


def _diffusers(taken: Taken, to: Path) -> None:
    names = ["transformer", "transformer_2"][: len(taken.networks)]
    for name, network in zip(names, taken.networks, strict=True):
        _write(write_state(network(), taken.transformer), to / name / f"{STEM}.safetensors")
        _describe(config_to_diffusers(taken.transformer), to / name / "config.json")
    _write(write_vae_state(taken.autoencoder(), taken.vae), to / "vae" / f"{STEM}.safetensors")
    _describe(config_to_diffusers_vae(taken.vae), to / "vae" / "config.json")
    text = taken.text()
    _write(text, to / "text_encoder" / "model.safetensors")
    _describe({"architectures": ["UMT5EncoderModel"], "model_type": "umt5", **config_of_umt5(text)}, to / "text_encoder" / "config.json")
    shutil.copytree(taken.tokenizer, to / "tokenizer", ignore=_without_weights)
    schedule = {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True}
    times = {"flow_shift": taken.habits.schedule.shift, "num_train_timesteps": wan.STEPS}
    _describe(schedule | times, to / "scheduler" / "scheduler_config.json")
    _describe(_index(taken), to / wan.DESCRIPTION)


def _index(taken: Taken) -> dict[str, Any]:
    """What a pipeline of diffusers is made of."""
    config, kind = taken.transformer, wan.TEXT
    if config.rates:
        kind = wan.FRAMES
    elif config.given:
        kind = wan.PICTURE
    network = ["diffusers", "SkyReelsV2Transformer3DModel" if config.rates else "WanTransformer3DModel"]
    found: dict[str, Any] = {
        "_class_name": kind,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": network,
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    if kind == wan.PICTURE:
        seen = bool(config.picture_dim)
        found["image_encoder"] = ["transformers", "CLIPVisionModel"] if seen else [None, None]
        found["image_processor"] = ["transformers", "CLIPImageProcessor"] if seen else [None, None]
    if kind != wan.FRAMES:
        found["transformer_2"] = network if taken.habits.boundary else [None, None]
        found["boundary_ratio"] = taken.habits.boundary or None
        found["expand_timesteps"] = taken.habits.hears == "token"
    return found


def _original(taken: Taken, to: Path) -> None:
    folders = [to] if len(taken.networks) == 1 else [to / f"{name}_model" for name in EXPERTS]
    for folder, network in zip(folders, taken.networks, strict=True):
        _write(write_state(network(), taken.transformer, "original"), folder / f"{STEM}.safetensors")
        _describe({"_class_name": "WanModel", "num_heads": taken.transformer.heads}, folder / "config.json")
    _write(write_vae_state(taken.autoencoder(), taken.vae, "original"), to / "Wan_VAE.safetensors")
    _write(original_names(taken.text()), to / "models_t5_umt5-xxl-enc.safetensors")
    shutil.copytree(taken.tokenizer, to / "google" / "umt5-xxl", ignore=_without_weights)


def _comfy(taken: Taken, to: Path) -> None:
    names = ["wan"] if len(taken.networks) == 1 else [f"wan_{name}" for name in EXPERTS]
    for name, network in zip(names, taken.networks, strict=True):
        _write(write_state(network(), taken.transformer, "comfy"), to / "diffusion_models" / f"{name}.safetensors")
    _write(write_vae_state(taken.autoencoder(), taken.vae, "original"), to / "vae" / "wan_vae.safetensors")
    _write(taken.text(), to / "text_encoders" / "umt5_xxl.safetensors")
    shutil.copytree(taken.tokenizer, to / "text_encoders" / "tokenizer", ignore=_without_weights)


def _write(tensors: dict[str, Tensor], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write(tensors, file)


def _describe(values: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _without_weights(_: str, names: list[str]) -> Iterator[str]:
    """Of a tokenizer's folder only its small files."""
    return (name for name in names if name.endswith((".safetensors", ".pth", ".bin")))
