"""Weights in single files, as Wan's own repositories and ComfyUI keep them, make the same clips as those in folders of diffusers."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import yozora
from tests.parity.files import comfy, repository
from yozora.model import find, habits_of, sizes_of

pytestmark = pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
SMALL = {"size": "64x64", "frames": 5, "steps": 2}


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
        (
            lambda to: (to / "diffusion_models" / "wan_low_noise.safetensors").unlink(),
            "that for low noise is not beside it",
        ),
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
