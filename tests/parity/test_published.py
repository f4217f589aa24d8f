"""What published files have that those written by libraries here have not: names, neighbours, factors, surplus and gaps."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tokenizers
import torch
from safetensors.torch import load_file, save_file

import yozora
from tests.parity.files import comfy, text_file, transformer_file, vae_file
from yozora.model import find, habits_of, sizes_of
from yozora.model.hub import PICKLES
from yozora.model.loose import Loose
from yozora.text.umt5 import pieces_of
from yozora.video import Video

pytestmark = pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
SMALL = {"size": "64x64", "frames": 5, "steps": 2}
PREFIX = "model.diffusion_model."


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / folder.name))


def changed(file: Path, **values: object) -> None:
    """Change some entries of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def picture() -> Video:
    return Video(np.full((1, 64, 64, 3), 90, np.uint8), 1.0)


def test_an_image_encoder_may_hold_a_projection_that_nobody_asks(i2v, tmp_path):
    folder = copied(i2v[0], tmp_path)
    file = folder / "image_encoder" / "model.safetensors"
    if not file.exists():
        file = next((folder / "image_encoder").glob("*.safetensors"))
    wanted = yozora.animate(picture(), "a red ball", model=str(folder), **SMALL)
    save_file(load_file(file) | {"visual_projection.weight": torch.ones(2, 20)}, file)
    index = folder / "image_encoder" / "model.safetensors.index.json"
    if index.exists():
        table = json.loads(index.read_text())
        table["weight_map"]["visual_projection.weight"] = file.name
        index.write_text(json.dumps(table))
    assert np.array_equal(yozora.animate(picture(), "a red ball", model=str(folder), **SMALL).frames, wanted.frames)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"flow_shift": 5.0}, 5.0),
        ({"flow_shift": None, "shift": 7.0}, 7.0),
        ({"flow_shift": None}, 3.0),
    ],
)
def test_times_are_moved_as_the_folder_says_or_as_the_family_does(wan21, tmp_path, said, wanted):
    folder = copied(wan21[0], tmp_path)
    changed(folder / "scheduler" / "scheduler_config.json", **said)
    assert habits_of(folder).schedule.shift == wanted


def test_what_skyreels_leaves_open_is_known(large_skyreels, tmp_path):
    folder = copied(large_skyreels[0], tmp_path)
    changed(folder / "scheduler" / "scheduler_config.json", flow_shift=1.0)  # as the library writes it where nobody says anything
    habits = habits_of(folder)
    assert (habits.schedule.shift, habits.hears, habits.fps, habits.steps) == (8.0, "frame", 24.0, 30)


def test_a_name_tells_what_was_trained_on_smaller_pictures(other_i2v, i2v, tmp_path):
    assert habits_of(other_i2v[0]).size == (832, 480)
    large = copied(i2v[0], tmp_path)
    changed(large / "transformer" / "config.json", num_layers=40)
    assert habits_of(large).size == (1280, 720)
    assert habits_of(large.rename(tmp_path / "Wan2.1-I2V-14B-480P")).size == (832, 480)


def test_a_boundary_without_a_second_expert_is_none(wan21, tmp_path):
    folder = copied(wan21[0], tmp_path)
    changed(folder / "model_index.json", boundary_ratio=0.9)
    assert habits_of(folder).boundary == 0
    yozora.generate("a red ball", model=str(folder), **SMALL)


@pytest.mark.parametrize(
    "names",
    [
        ("Wan2_2-T2V-A14B_HIGH_bf16.safetensors", "Wan2_2-T2V-A14B-LOW_bf16.safetensors"),
        ("wan2.2_t2v_high_noise_14B_fp16.safetensors", "wan2.2_t2v_low_noise_14B_fp16.safetensors"),
        ("Wan2.2-T2V-A14B-HighNoise.safetensors", "Wan2.2-T2V-A14B-LowNoise.safetensors"),
    ],
)
def test_experts_are_found_by_the_names_that_are_used(published, tmp_path, names):
    folder, to = published["a14b"], tmp_path / "models"
    wanted = yozora.generate("a red ball", model=str(folder), **SMALL)
    for part, name in zip(("transformer", "transformer_2"), names, strict=True):
        transformer_file(folder, to / "diffusion_models" / name, "comfy", part)
    transformer_file(folder, to / "diffusion_models" / "flowers_slow.safetensors", "comfy")  # is neither
    vae_file(folder, to / "vae" / "wan_2.1_vae.safetensors")
    text_file(folder, to / "text_encoders" / "umt5_xxl.safetensors", original=False)
    for name in names:
        made = yozora.generate("a red ball", model=str(to / "diffusion_models" / name), **SMALL)
        assert np.array_equal(made.frames, wanted.frames)
    assert len(Loose(to / "diffusion_models" / "flowers_slow.safetensors").transformers) == 1


def test_half_of_two_experts_is_not_taken_for_a_whole(i2v_experts, tmp_path):
    transformer_file(i2v_experts[0], tmp_path / "diffusion_models" / "remix.safetensors", "comfy")
    with pytest.raises(ValueError, match="one of two experts .*; name the files alike"):
        sizes_of(tmp_path / "diffusion_models" / "remix.safetensors")


def test_neighbours_of_other_programs_are_passed_by(published, tmp_path):
    place = comfy(published["t2v"], tmp_path)
    wanted = yozora.generate("a red ball", model=str(place), **SMALL)
    text = load_file(tmp_path / "text_encoders" / "umt5_xxl_fp16.safetensors")
    flux = {name: value for name, value in text.items() if "block.1.layer.0.SelfAttention.relative" not in name}
    save_file(flux, tmp_path / "text_encoders" / "t5xxl_fp16.safetensors")
    (tmp_path / "text_encoders" / "empty.safetensors").write_bytes(b"")
    vae = load_file(tmp_path / "vae" / "wan_vae.safetensors")
    save_file(vae, tmp_path / "vae" / "qwen_image_vae.safetensors")
    save_file({name: value for name, value in vae.items() if not name.startswith("encoder")}, tmp_path / "vae" / "a_decoder.safetensors")
    assert np.array_equal(yozora.generate("a red ball", model=str(place), **SMALL).frames, wanted.frames)
    save_file(vae, tmp_path / "vae" / "another_wan.safetensors")
    with pytest.raises(ValueError, match=r"could go with each autoencoder of .*another_wan.*; leave one where it is"):
        yozora.generate("a red ball", model=str(place), **SMALL)


def in_eight_bits(file: Path, prefix: str, ends: tuple[str, str]) -> dict[str, torch.Tensor]:
    """Rewrite matrices of a file as fp8 with factors beside them; what they then stand for."""
    tensors, meant = load_file(file), {}
    kept = {prefix + "scaled_fp8": torch.empty(2, dtype=torch.float8_e4m3fn)} if ends[0] == ".scale_weight" else {}
    for name, value in tensors.items():
        stem = name.removesuffix(".weight")
        if value.ndim != 2 or stem == name or "relative_attention" in name:
            kept[name] = meant[name] = value
            continue
        factor = (value.abs().max() / 448).float()
        kept[name] = (value / factor).to(torch.float8_e4m3fn)
        kept[stem + ends[0]], kept[stem + ends[1]] = factor.clone(), torch.ones(())
        meant[name] = (kept[name].float() * factor).to(torch.bfloat16)
    save_file(kept, file)
    return meant


@pytest.mark.parametrize("ends", [(".scale_weight", ".scale_input"), (".weight_scale", ".input_scale")])
def test_weights_in_eight_bits_with_factors_are_the_numbers_that_they_stand_for(published, tmp_path, ends):
    place = comfy(published["t2v"], tmp_path / "scaled")
    other = comfy(published["t2v"], tmp_path / "plain")
    plain = yozora.generate("a red ball", model=str(other), **SMALL)
    for folder, file, prefix in (("diffusion_models", place.name, PREFIX), ("text_encoders", "umt5_xxl_fp16.safetensors", "")):
        meant = in_eight_bits(tmp_path / "scaled" / folder / file, prefix, ends)
        save_file({name: value.clone() for name, value in meant.items()}, tmp_path / "plain" / folder / file)
    made, wanted = (yozora.generate("a red ball", model=str(one), **SMALL) for one in (place, other))
    assert np.array_equal(made.frames, wanted.frames) and not np.array_equal(made.frames, plain.frames)


def test_numbers_that_are_packed_in_another_way_are_refused(published, tmp_path):
    place = comfy(published["t2v"], tmp_path)
    name = PREFIX + "blocks.0.self_attn.q"
    tensors = load_file(place)
    packed = {f"{name}.weight": tensors[f"{name}.weight"].to(torch.int8), f"{name}.weight_scale": torch.ones(())}
    save_file(tensors | packed, place)
    with pytest.raises(ValueError, match=r"blocks.0.self_attn.q.weight in a way that is not known here; use a file in bf16"):
        yozora.generate("a red ball", model=str(place), **SMALL)


def test_clip_in_a_file_of_comfyui_looks_at_pictures(published_i2v, tmp_path):
    place = tmp_path / "diffusion_models" / "wan2.1_i2v.safetensors"
    transformer_file(published_i2v, place, "comfy")
    vae_file(published_i2v, tmp_path / "vae" / "wan_2.1_vae.safetensors")
    text_file(published_i2v, tmp_path / "text_encoders" / "umt5_xxl.safetensors", original=False)
    with pytest.raises(ValueError, match=r"neither a folder image_encoder beside it nor a file of CLIP's in ../clip_vision"):
        yozora.animate(picture(), "a red ball", model=str(place), **SMALL)
    files = (published_i2v / "image_encoder").glob("*.safetensors")
    clip = {"vision_model." + name.removeprefix("vision_model."): value for file in files for name, value in load_file(file).items()}
    (tmp_path / "clip_vision").mkdir()
    save_file(clip | {"visual_projection.weight": torch.ones(2, 20)}, tmp_path / "clip_vision" / "clip_vision_h.safetensors")
    made, wanted = (yozora.animate(picture(), "a red ball", model=str(one), **SMALL) for one in (place, published_i2v))
    assert np.array_equal(made.frames, wanted.frames)


def test_words_become_pieces_by_the_rules_as_they_are_written(tmp_path):
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"<0x{byte:02X}>", -9.0) for byte in range(256)), ("▁ball", -2.0)]
    rules = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, unk_id=2, byte_fallback=True))
    rules.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    rules.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    rules.enable_truncation(2)
    rules.enable_padding(length=9)
    rules.save(str(tmp_path / "tokenizer.json"))
    assert pieces_of(tmp_path)("ball") == [259, 1]
    assert pieces_of(tmp_path)("ball é")[-3:] == [3 + 0xC3, 3 + 0xA9, 1]
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="is no tokenizer"):
        pieces_of(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer.json; it lies in the folder google/umt5-xxl"):
        pieces_of(tmp_path)


def test_pickles_have_names_by_which_they_are_known():
    assert "models_t5_umt5-xxl-enc-bf16.pth".endswith(PICKLES) and not "model.safetensors".endswith(PICKLES)


def test_what_other_programs_fetched_in_part_is_fetched_whole(hub, wan21, tmp_path, monkeypatch):
    from huggingface_hub import constants, hf_hub_download

    places = {"ENDPOINT": hub.address, "HUGGINGFACE_CO_URL_TEMPLATE": hub.address + "/{repo_id}/resolve/{revision}/{filename}"}
    for name, value in (places | {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": False}).items():
        monkeypatch.setattr(constants, name, value)
    hub.repositories["owner/tiny"] = wan21[0]
    for file in ("model_index.json", "vae/config.json"):
        hf_hub_download("owner/tiny", file, cache_dir=tmp_path / "cache")
    assert (find("owner/tiny") / "transformer").is_dir()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["diffusion_pytorch_model.safetensors", "Wan2.1_VAE.pth"], r"keeps parts as pickles \(Wan2.1_VAE.pth\).*: owner/tiny-Diffusers"),
        (["split_files/vae/wan_2.1_vae.safetensors", "README.md"], "single files for ComfyUI fetch those that you want"),
    ],
)
def test_what_a_repository_lists_is_judged_before_it_is_fetched(hub, tmp_path, monkeypatch, files, said):
    from huggingface_hub import constants

    places = {"ENDPOINT": hub.address, "HUGGINGFACE_CO_URL_TEMPLATE": hub.address + "/{repo_id}/resolve/{revision}/{filename}"}
    for name, value in (places | {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": False}).items():
        monkeypatch.setattr(constants, name, value)
    for file in files:
        (tmp_path / "repository" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repository" / file).write_bytes(b"x" * 100)
    hub.repositories["owner/tiny"] = tmp_path / "repository"
    with pytest.raises(ValueError, match=said):
        find("owner/tiny")
    assert not [path for path in hub.sent if path.startswith("GET") and "/resolve/" in path]
