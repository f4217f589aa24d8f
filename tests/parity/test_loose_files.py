"""Weights in single files, as Wan's own repositories and ComfyUI keep them, make the same clips as those in folders of diffusers."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import yozora
from yozora.model import find, habits_of, sizes_of
from yozora.text.umt5_file import ORIGINAL
from yozora.transformer.keys import config_from_diffusers, read_state, write_state
from yozora.vae.keys import config_from_diffusers_vae, read_vae_state, write_vae_state
from yozora.weights import Shelf, shards

pytestmark = pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
SMALL = {"size": "64x64", "frames": 5, "steps": 2}


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


@pytest.mark.parametrize("lay", [repository, comfy])
@pytest.mark.parametrize("kind", ["t2v", "a14b", "ti2v"])
def test_single_files_make_the_clips_of_folders(published, tmp_path, kind, lay):
    folder = published[kind]
    place = lay(folder, tmp_path / "models")
    ours, theirs = habits_of(find(str(place))), habits_of(folder)
    assert ours == theirs and sizes_of(find(str(place))) == sizes_of(folder)
    made, wanted = (yozora.generate("a red ball", model=str(one), **SMALL) for one in (place, folder))
    assert (made.frames == wanted.frames).all()
    assert made.facts["model"].startswith(place.stem)


def test_additions_go_into_single_files_too(published, tmp_path):
    place = comfy(published["t2v"], tmp_path / "models")
    plain = yozora.generate("a red ball", model=str(place), **SMALL)
    lora = {f"lora_unet_blocks_0_ffn_0.lora_{end}.weight": torch.ones(sides) for end, sides in (("down", (2, 128)), ("up", (64, 2)))}
    save_file(lora, tmp_path / "lora.safetensors")
    assert (
        yozora.generate("a red ball", model=str(place), lora=(str(tmp_path / "lora.safetensors"),), **SMALL).frames != plain.frames
    ).any()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda to: (to / "vae" / "wan_vae.safetensors").unlink(), "without its autoencoder of 16 channels"),
        (lambda to: (to / "vae" / "wan_vae.safetensors").rename(to / "vae" / "wan_vae.pth"), "wan_vae.pth is a pickle"),
        (lambda to: (to / "text_encoders" / "umt5_xxl_fp16.safetensors").unlink(), "without its text encoder, UMT5"),
        (lambda to: shutil.rmtree(to / "text_encoders" / "tokenizer"), "has no tokenizer beside it"),
        (lambda to: (to / "diffusion_models" / "wan_low_noise.safetensors").unlink(), "one of two experts, and wan_low_noise.safetensors"),
        (lambda to: save_file({"x": torch.ones(1)}, to / "diffusion_models" / "wan_high_noise.safetensors"), "not the weights of a Wan"),
    ],
    ids=["no autoencoder", "a pickle", "no text encoder", "no tokenizer", "one expert", "other weights"],
)
def test_what_is_missing_beside_a_file_is_said(published, tmp_path, spoil, said):
    comfy(published["a14b"], tmp_path / "models")
    spoil(tmp_path / "models")
    with pytest.raises(ValueError, match=said):
        yozora.generate("a red ball", model=str(tmp_path / "models" / "diffusion_models" / "wan_high_noise.safetensors"), **SMALL)


def test_trained_sparse_weights_are_refused_by_name(published, tmp_path):
    place = comfy(published["t2v"], tmp_path / "models")
    tensors = load_file(place)
    save_file(tensors | {"model.diffusion_model.blocks.0.self_attn.to_gate_compress.weight": torch.ones(1)}, place)
    with pytest.raises(ValueError, match="FastWan"):
        yozora.generate("a red ball", model=str(place), **SMALL)
