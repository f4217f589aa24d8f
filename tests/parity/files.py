"""Weights of folders of diffusers written as other programs keep them."""

import json
import shutil
from pathlib import Path

from safetensors.torch import save_file

from yozora.text.umt5_file import ORIGINAL
from yozora.transformer.keys import config_from_diffusers, read_state, write_state
from yozora.vae.keys import config_from_diffusers_vae, read_vae_state, write_vae_state
from yozora.weights import Shelf, shards


def described(folder: Path, part: str) -> dict:
    return json.loads((folder / part / "config.json").read_text())


def transformer_file(folder: Path, to: Path, style: str, part: str = "transformer") -> None:
    """A transformer in one file."""
    config = config_from_diffusers(described(folder, part))
    state = read_state(Shelf(shards(folder / part, "diffusion_pytorch_model")), config)
    to.parent.mkdir(parents=True, exist_ok=True)
    save_file(write_state(state, config, style), to)


def vae_file(folder: Path, to: Path) -> None:
    """An autoencoder in one file."""
    config = config_from_diffusers_vae(described(folder, "vae"))
    state = read_vae_state(Shelf(shards(folder / "vae", "diffusion_pytorch_model")), config)
    to.parent.mkdir(parents=True, exist_ok=True)
    save_file(write_vae_state(state, config, "original"), to)


def text_file(folder: Path, to: Path, *, original: bool) -> None:
    """A text encoder in one file, by the names of `transformers` or of Wan's own code, and its tokenizer beside it."""
    tensors = dict(Shelf(shards(folder / "text_encoder", "model")))
    if original:
        back = {theirs: ours for ours, theirs in ORIGINAL.items()}
        layers = described(folder, "text_encoder")["num_layers"]
        names = {theirs.format(n): ours.format(n) for theirs, ours in back.items() for n in range(layers)}
        tensors = {names[name]: value for name, value in tensors.items() if name != "encoder.embed_tokens.weight"}
    to.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.clone() for name, value in tensors.items()}, to)
    shutil.copytree(folder / "tokenizer", to.parent / "tokenizer")


def repository(folder: Path, to: Path) -> Path:
    """A folder as Wan's own repositories are laid out, with their pickles converted."""
    if (folder / "transformer_2").exists():
        transformer_file(folder, to / "high_noise_model" / "diffusion_pytorch_model.safetensors", "original")
        transformer_file(folder, to / "low_noise_model" / "diffusion_pytorch_model.safetensors", "original", "transformer_2")
    else:
        transformer_file(folder, to / "diffusion_pytorch_model.safetensors", "original")
        (to / "config.json").write_text(json.dumps({"_class_name": "WanModel", "num_heads": 1}))
    vae_file(folder, to / "Wan_VAE.safetensors")
    text_file(folder, to / "umt5-xxl-enc-bf16.safetensors", original=True)
    return to


def comfy(folder: Path, to: Path) -> Path:
    """Single files in the folders of ComfyUI; returns that of the transformer."""
    names = {"transformer": "wan_high_noise.safetensors", "transformer_2": "wan_low_noise.safetensors"}
    for part, name in names.items():
        if (folder / part).exists():
            transformer_file(folder, to / "diffusion_models" / name, "comfy", part)
    if not (folder / "transformer_2").exists():
        (to / "diffusion_models" / names["transformer"]).rename(to / "diffusion_models" / "wan.safetensors")
    vae_file(folder, to / "vae" / "wan_vae.safetensors")
    text_file(folder, to / "text_encoders" / "umt5_xxl_fp16.safetensors", original=False)
    return next((to / "diffusion_models").iterdir())
