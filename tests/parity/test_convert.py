"""Open weights go from layout to layout and come back bit for bit, and other programs read what is written."""

import json
import shutil

import diffusers
import pytest
import torch
from diffusers.utils.hub_utils import _get_checkpoint_shard_files
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionModel, UMT5EncoderModel
from typer.testing import CliRunner

from yozora.cli.entry import app
from yozora.model import find, habits_of, sizes_of
from yozora.model.convert import convert
from yozora.text.pictures import read_clip
from yozora.weights import Shelf, shards

KINDS = {
    "transformer": diffusers.WanTransformer3DModel,
    "transformer_2": diffusers.WanTransformer3DModel,
    "vae": diffusers.AutoencoderKLWan,
}


def tensors(folder, part: str) -> Shelf:
    return Shelf(sorted((folder / part).glob("*.safetensors")))


@pytest.mark.parametrize("kind", ["t2v", "a14b", "ti2v"])
def test_a_model_goes_round_all_layouts_and_comes_back_bit_for_bit(published, tmp_path, kind):
    folder = published[kind]
    convert(folder, tmp_path / "own", "original")
    comfy = [file for file in convert(tmp_path / "own", tmp_path / "comfy", "comfy") if "diffusion_models" in file.parts][0]
    convert(comfy, tmp_path / "again", "diffusers")
    for part in ("vae", "text_encoder", *(name for name in ("transformer", "transformer_2") if (folder / name).exists())):
        before, after = tensors(folder, part), tensors(tmp_path / "again", part)
        names = set(before) - {"encoder.embed_tokens.weight"}  # a second name of another
        assert names == set(after) and all(torch.equal(before[name], after[name]) for name in names)
        assert all(before[name].dtype == after[name].dtype for name in names)
    assert habits_of(find(str(tmp_path / "again"))) == habits_of(find(str(comfy))) == habits_of(folder)


@pytest.mark.parametrize("kind", ["t2v", "a14b", "ti2v"])
def test_diffusers_and_transformers_read_what_is_written(published, tmp_path, kind):
    convert(published[kind], tmp_path / "own", "original")
    convert(tmp_path / "own", tmp_path / "new", "diffusers")
    index = json.loads((tmp_path / "new" / "model_index.json").read_text())
    assert index["_class_name"] == "WanPipeline" and bool(index["boundary_ratio"]) == (kind == "a14b")
    for part, theirs in KINDS.items():
        if (tmp_path / "new" / part).exists():
            network = theirs.from_config(theirs.load_config(tmp_path / "new" / part))
            network.load_state_dict(dict(tensors(tmp_path / "new", part)), strict=True)
    scheduler = diffusers.UniPCMultistepScheduler.from_pretrained(tmp_path / "new", subfolder="scheduler")
    assert scheduler.config.flow_shift == habits_of(published[kind]).schedule.shift and scheduler.config.use_flow_sigmas
    _, found = UMT5EncoderModel.from_pretrained(tmp_path / "new" / "text_encoder", output_loading_info=True)
    assert not any(found[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))


@pytest.mark.parametrize("name", ["i2v", "flf2v", "i2v_experts", "skyreels"])
def test_what_hears_pictures_or_rates_is_written_as_it_was(request, tmp_path, name):
    folder, _ = request.getfixturevalue(name)
    convert(folder, tmp_path / "new", "diffusers")
    assert habits_of(tmp_path / "new") == habits_of(folder)
    for part in ("transformer", "vae"):
        before, after = tensors(folder, part), tensors(tmp_path / "new", part)
        assert set(before) == set(after) and all(torch.equal(before[one], after[one]) for one in before)
    assert (tmp_path / "new" / "image_encoder").exists() == (folder / "image_encoder").exists()


@pytest.mark.parametrize("name", ["large_skyreels", "ti2v", "i2v"])
def test_a_pipeline_keeps_its_class_where_its_sizes_do_not_tell_it(request, tmp_path, name):
    folder, pipeline = request.getfixturevalue(name)
    convert(folder, tmp_path / "new", "diffusers")
    index = json.loads((tmp_path / "new" / "model_index.json").read_text())
    assert index["_class_name"] == type(pipeline).__name__
    described = json.loads((tmp_path / "new" / "transformer" / "config.json").read_text())["_class_name"]
    assert described == index["transformer"][1] == type(pipeline.transformer).__name__
    again = getattr(diffusers, described).from_config(type(pipeline.transformer).load_config(tmp_path / "new" / "transformer"))
    again.load_state_dict(dict(tensors(tmp_path / "new", "transformer")), strict=True)
    assert habits_of(tmp_path / "new") == habits_of(folder) and sizes_of(tmp_path / "new") == sizes_of(folder)


@pytest.mark.parametrize("kind", ["t2v", "a14b"])
def test_large_parts_are_written_in_several_files_that_every_program_finds(published, tmp_path, kind):
    limit = 20_000
    convert(published[kind], tmp_path / "own", "original", limit)
    convert(tmp_path / "own", tmp_path / "new", "diffusers", limit)
    folders = [tmp_path / "own" / name for name in (("high_noise_model", "low_noise_model") if kind == "a14b" else (".",))]
    parts = {"transformer": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
    for folder, stem in [(one, parts["transformer"]) for one in folders] + [
        (tmp_path / "new" / part, stem) for part, stem in parts.items()
    ]:
        index = json.loads((folder / f"{stem}.safetensors.index.json").read_text())
        files = shards(folder, stem)
        assert [file.name for file in files] == [f"{stem}-{n:05}-of-{len(files):05}.safetensors" for n in range(1, len(files) + 1)]
        assert len(files) > 1 and not (folder / f"{stem}.safetensors").exists() and not list(folder.glob(".*"))
        inside = {name: (file.name, value) for file in files for name, value in load_file(file).items()}
        assert index["weight_map"] == {name: file for name, (file, _) in inside.items()}
        assert index["metadata"]["total_size"] == sum(value.nbytes for _, value in inside.values())
        for file in files:
            sizes = [value.nbytes for place, value in inside.values() if place == file.name]
            assert sum(sizes) <= limit or len(sizes) == 1
    for part in KINDS:
        if (folder := tmp_path / "new" / part).exists():
            theirs, facts = _get_checkpoint_shard_files(str(folder), str(folder / "diffusion_pytorch_model.safetensors.index.json"))
            assert sorted(theirs) == sorted(map(str, shards(folder, parts[part.removesuffix("_2")])))
            before, after = tensors(published[kind], part), tensors(tmp_path / "new", part)
            assert set(before) == set(after) == set(facts["all_checkpoint_keys"])
            assert all(torch.equal(after[name], value) for name, value in before.items())
    before, after = (UMT5EncoderModel.from_pretrained(one / "text_encoder").state_dict() for one in (published[kind], tmp_path / "new"))
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert habits_of(tmp_path / "own") == habits_of(tmp_path / "new") == habits_of(published[kind])


def test_what_fits_is_one_file_and_single_files_stay_so(published, tmp_path):
    one = convert(published["t2v"], tmp_path / "one", "diffusers")
    assert (tmp_path / "one" / "transformer" / "diffusion_pytorch_model.safetensors") in one
    assert not [file for file in one if "-of-" in file.name or file.name.endswith("index.json") and file.name != "model_index.json"]
    single = [file.name for file in convert(published["t2v"], tmp_path / "comfy", "comfy", 1000) if file.suffix == ".safetensors"]
    assert sorted(single) == ["umt5_xxl.safetensors", "wan.safetensors", "wan_vae.safetensors"]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("transformer", "transformer.*missing: patch_embedding.bias; unexpected: blocks.0-1.sound.weight"),
        ("text_encoder", "text_encoder.*missing: shared.weight|text_encoder.*lacks 'shared.weight'"),
        ("text_encoder", "text_encoder.*unexpected: blocks.0-1.sound.weight"),
        ("vae", "vae.*missing: .*unexpected: blocks.0-1.sound.weight"),
    ],
)
@pytest.mark.parametrize("target", ["diffusers", "original", "comfy"])
def test_what_no_part_has_is_listed_before_anything_is_written(published, tmp_path, part, said, target):
    folder = shutil.copytree(published["t2v"], tmp_path / "from")
    stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
    kept = {name: value.clone() for name, value in tensors(folder, part).items()}
    for file in (folder / part).glob(f"{stem}*"):
        file.unlink()
    if "missing" in said:
        del kept[{"transformer": "patch_embedding.bias", "text_encoder": "shared.weight", "vae": "encoder.conv_in.weight"}[part]]
    if "unexpected" in said:
        kept |= {f"blocks.{layer}.sound.weight": torch.ones(2) for layer in range(2)}
    kept.pop("encoder.embed_tokens.weight", None)
    save_file(kept, folder / part / f"{stem}.safetensors")
    with pytest.raises(ValueError, match=said):
        convert(folder, tmp_path / "to", target)
    assert not (tmp_path / "to").exists()


def test_an_image_encoder_in_a_file_goes_along(published_i2v, tmp_path):
    comfy = next(file for file in convert(published_i2v, tmp_path / "folders", "comfy") if file.name == "wan.safetensors")
    folder = comfy.parent / "image_encoder"
    (tmp_path / "folders" / "clip_vision").mkdir()
    save_file(dict(Shelf(sorted(folder.glob("*.safetensors")))), tmp_path / "folders" / "clip_vision" / "clip_vision_h.safetensors")
    shutil.rmtree(folder)
    before = read_clip(tmp_path / "folders" / "clip_vision" / "clip_vision_h.safetensors").state_dict()
    again = [file for file in convert(comfy, tmp_path / "comfy", "comfy") if file.name == "wan.safetensors"][0]
    assert (tmp_path / "comfy" / "clip_vision" / "clip_vision_h.safetensors").exists()
    convert(again, tmp_path / "own", "original")
    convert(tmp_path / "own", tmp_path / "new", "diffusers")
    after = CLIPVisionModel.from_pretrained(tmp_path / "new" / "image_encoder").state_dict()
    assert set(after) == set(before) and all(torch.equal(after[name], value) for name, value in before.items())
    assert habits_of(tmp_path / "new") == habits_of(published_i2v)
    assert (tmp_path / "new" / "image_processor").is_dir()


def test_heads_that_were_never_published_are_told_by_the_description(wan21, tmp_path):
    convert(wan21[0], tmp_path / "own", "original")
    assert sizes_of(tmp_path / "own") == sizes_of(wan21[0])


def test_the_command_says_what_it_wrote_and_refuses_what_it_cannot(published, tmp_path):
    def ask(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["convert", *words])
        return done.exit_code, done.output, str(done.exception)

    code, output, _ = ask(str(published["t2v"]), "--to", "comfy", "-o", str(tmp_path / "new"))
    assert code == 0 and str(tmp_path / "new" / "diffusion_models" / "wan.safetensors") in output
    assert "is there already" in ask(str(published["t2v"]), "--to", "comfy", "-o", str(tmp_path / "new"))[2]
    assert "no other layout" in ask("hoshi", "--to", "comfy", "-o", str(tmp_path / "other"))[2]
