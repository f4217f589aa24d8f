"""Open weights that are kept in main memory or in eight bits."""

import copy
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import yozora
from yozora import pipeline
from yozora.cli.entry import app
from yozora.forecast import forecast
from yozora.model import Ways, load, readers_of, with_loras
from yozora.order import prepare
from yozora.plan import Room
from yozora.tasks.generate import Generate
from yozora.tasks.lora import Lora
from yozora.tasks.settings import Settings
from yozora.transformer.additions import Addition, write_additions

pytestmark = pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
CPU, SMALL = torch.device("cpu"), {"size": "64x64", "frames": 5, "steps": 2}


@pytest.mark.parametrize("name", ["wan21", "wan22", "experts", "skyreels"])
def test_what_waits_in_main_memory_makes_the_same_clip_and_eight_bits_one_like_it(request, monkeypatch, name):
    folder, _ = request.getfixturevalue(name)
    clips = {}
    for ways in (Ways(), Ways(away=True), Ways(away=True, eight=True)):
        monkeypatch.setattr(pipeline, "affordable", lambda *_, ways=ways: [ways])
        clips[ways] = yozora.generate("a red ball", model=str(folder), **SMALL)
    whole, away, eight = clips.values()
    assert np.array_equal(whole.frames, away.frames) and "ways" not in away.facts
    difference = np.abs(whole.frames.astype(int) - eight.frames)
    assert 0 < difference.mean() < 0.15 * np.abs(whole.frames.astype(int) - whole.frames.mean()).mean()
    assert eight.facts["ways"] == "weights in 8 bits (fp8)"


def test_additions_are_merged_into_weights_however_they_are_kept(wan21, tmp_path):
    folder = str(wan21[0])
    plain = load(folder, CPU, torch.float32)
    dim = plain.transformer.config.dim
    up, down = torch.randn(dim, 2), torch.randn(2, dim)
    tensors, notes = write_additions({"blocks.0.attn1.to_k": Addition(down=down, up=up)}, "diffusers")
    save_file(tensors, tmp_path / "added.safetensors", notes or None)
    added = [Lora(file=str(tmp_path / "added.safetensors"), strength=0.5)]
    before = plain.transformer.blocks[0].self_attention.query_key_value.weight.clone()
    wanted = with_loras(plain, added).transformer.blocks[0].self_attention.query_key_value.weight
    for ways, most in ((Ways(away=True), 0.0), (Ways(eight=True), 0.1)):
        kept = load(folder, CPU, torch.float32, ways=ways)
        got = with_loras(kept, added).transformer.blocks[0].self_attention.query_key_value.weight
        assert (got - wanted).norm() <= most * (wanted - before).norm()
    assert torch.equal(wanted[:dim], before[:dim]) and not torch.equal(wanted[dim : 2 * dim], before[dim : 2 * dim])


def test_weights_in_eight_bits_take_half_the_room(wan21):
    sizes = {}
    for ways in (Ways(), Ways(eight=True)):
        blocks = load(str(wan21[0]), CPU, torch.bfloat16, ways=ways).own_transformer.blocks
        sizes[ways] = sum(value.nbytes for value in blocks.state_dict().values())
    whole, eight = sizes.values()
    assert eight < 0.6 * whole


@pytest.mark.parametrize("name", ["wan21", "i2v", "skyreels"])
def test_what_reads_words_and_looks_at_pictures_is_foreseen(request, name):
    folder, pipeline = request.getfixturevalue(name)
    wanted = {"words": 2 * pipeline.text_encoder.num_parameters()}
    if name == "i2v":
        wanted["pictures"] = 4 * pipeline.image_encoder.num_parameters()
    assert readers_of(folder, CPU) == wanted == readers_of(folder, torch.device("cuda"))


def test_a_table_of_words_that_stays_in_its_file_is_not_counted(wan21, tmp_path):
    folder, text = shutil.copytree(wan21[0], tmp_path / "wan"), wan21[1].text_encoder
    copy.deepcopy(text).to(torch.bfloat16).save_pretrained(folder / "text_encoder")
    assert readers_of(folder, torch.device("cuda")) == {"words": 2 * text.num_parameters()}
    assert readers_of(folder, CPU) == {"words": 2 * (text.num_parameters() - text.shared.weight.numel())}


def test_a_plan_shows_what_is_held_while_words_are_read(published):
    place = str(published["a14b"])
    done = CliRunner().invoke(app, ("plan", "--model", place, "--size", "64x64", "--frames", "5", "--steps", "2"))
    assert done.exit_code == 0 and "second expert" in done.output, done.output
    assert [line.split()[0] for line in done.output.splitlines()[:3]] == ["parameters", "words", "pixels"]
    assert "loaded, asked and freed" in done.output and "the autoencoder in float32" in done.output


def test_the_most_is_held_by_what_reads_or_by_what_computes(published):
    found = forecast(prepare(Generate(prompt="a red ball"), Settings(model=str(published["t2v"]), size=(64, 64), frames=5, steps=1)))
    assert found.alone and found.fits
    read = replace(found, readers={"words": found.peak, "pictures": 7})
    assert read.peak == found.base + found.peak and read.read()["pictures"] == found.base + found.weights.device + 7
    small = Room(device=found.peak - found.base, beside=1 << 40)
    assert not replace(read, free=small).fits  # a processor has to hold it
    assert replace(read, free=small, alone=False).fits  # beside a card it may lie in main memory
