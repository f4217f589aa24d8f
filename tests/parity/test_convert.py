"""Open weights go from layout to layout and come back bit for bit, and other programs read what is written."""

import json

import diffusers
import pytest
import torch
from transformers import UMT5EncoderModel
from typer.testing import CliRunner

from yozora.cli.entry import app
from yozora.model import find, habits_of, sizes_of
from yozora.model.convert import convert
from yozora.weights import Shelf

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
