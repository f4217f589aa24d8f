"""Open weights behind the commands: verbs, additions, and what is wrong with a folder said in one line."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import yozora
from yozora.canvas import Canvas, Cue
from yozora.flow.path import draw_noise
from yozora.model import find, load
from yozora.order import Sampling
from yozora.patches import Words, patchify, unpatchify
from yozora.pipeline import grid_of, meet
from yozora.tasks.lora import read_lora
from yozora.transformer.additions import Addition, write_additions
from yozora.video import Video

SMALL = {"size": "64x64", "frames": 5, "steps": 2}


def addition(folder, path, seed: int = 0, style: str = "original") -> str:
    """A file that adds to one layer of a folder's transformer."""
    generator = torch.Generator().manual_seed(seed)
    config = json.loads((folder / "transformer" / "config.json").read_text())
    dim = config["num_attention_heads"] * config["attention_head_dim"]
    up, down = torch.randn(config["ffn_dim"], 2, generator=generator), torch.randn(2, dim, generator=generator)
    tensors, notes = write_additions({"blocks.0.ffn.net.0.proj": Addition(down=down, up=up, alpha=1.0)}, style)
    save_file(tensors, path, notes or None)
    return str(path)


@pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
def test_every_kind_of_weights_is_behind_the_verbs(wan21, wan22, skyreels, experts, i2v_experts, flf2v):
    picture = Video(np.full((1, 64, 64, 3), 90, np.uint8), 1.0)
    for folder, _ in (wan21, wan22, skyreels, experts):
        made = yozora.generate("a red ball", model=str(folder), **SMALL)
        longer = yozora.extend(made, "a red ball", model=str(folder), frames=8, steps=2)
        assert (longer.frames[: made.num_frames] == made.frames).all() and longer.num_frames > made.num_frames
        again = yozora.restyle(made, "two cats", model=str(folder), steps=2)
        assert again.frames.shape == made.frames.shape and (again.frames != made.frames).any()
    for folder, _ in (i2v_experts, flf2v):
        made = yozora.animate(picture, "a red ball", model=str(folder), **SMALL)
        assert (made.frames[0] == picture.frames[0]).all()
        longer = yozora.extend(made, "a red ball", model=str(folder), frames=8, steps=2)
        assert (longer.frames[: made.num_frames] == made.frames).all()
        with pytest.raises(ValueError, match="begins from a picture"):
            yozora.generate("a red ball", model=str(folder), **SMALL)


@pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
def test_a_canvas_of_many_levels_is_met_by_weights_that_hear_one(wan21):
    model = load(str(wan21[0]), torch.device("cpu"), torch.float32)
    shown = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    start = np.ones((9, 64, 64), np.float32)
    start[0], start[3:6, :, :32], start[6:] = 0, 0.6, 0.3
    canvas = Canvas(given=Video(shown, 16.0), start=start, script=(Cue(text="a red ball", start=0.0, end=9 / 16),))
    (made,) = meet([canvas], [0], Sampling(steps=3, guidance=2.0), model)
    assert (made.given.frames[0] == shown[0]).all() and (made.given.frames[1] != shown[1]).any()


@pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
def test_additions_change_a_clip_by_their_strength_and_are_recorded(wan21, tmp_path):
    folder = wan21[0]
    file = addition(folder, tmp_path / "style.safetensors")
    made = {
        lora: yozora.generate("a red ball", model=str(folder), lora=lora, **SMALL)
        for lora in ((), (f"{file}:0",), (f"{file}:0.5",), (file,))
    }
    plain, nothing, half, whole = made.values()
    assert (plain.frames == nothing.frames).all() and (plain.frames != half.frames).any() and (half.frames != whole.frames).any()
    assert len({one.facts["model"] for one in made.values()}) == 4
    whole.save(tmp_path / "whole.mp4")
    assert (yozora.reproduce(tmp_path / "whole.mp4").frames == whole.frames).all()
    addition(folder, tmp_path / "style.safetensors", seed=1)
    with pytest.raises(ValueError, match="cannot come out the same"):
        yozora.reproduce(tmp_path / "whole.mp4")


@pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
def test_additions_go_to_the_expert_that_is_named(experts, tmp_path):
    folder = experts[0]
    file = addition(folder, tmp_path / "style.safetensors")
    made = [
        yozora.generate("a red ball", model=str(folder), lora=lora, **SMALL | {"steps": 4})
        for lora in ((), (f"{file}:high",), (f"{file}:1:low",), (file,))
    ]
    assert len({one.frames.tobytes() for one in made}) == 4


def test_additions_that_do_not_fit_are_refused_before_weights_are_loaded(wan21, experts, tmp_path, monkeypatch):
    monkeypatch.setattr("yozora.model.wan.fill", lambda *_: pytest.fail("weights were loaded"))
    other = tmp_path / "other.safetensors"
    save_file(
        {
            "diffusion_model.blocks.0.ffn.0.lora_down.weight": torch.ones(2, 7),
            "diffusion_model.blocks.0.ffn.0.lora_up.weight": torch.ones(64, 2),
        },
        other,
    )
    with pytest.raises(ValueError, match=r"other.safetensors does not fit this model: .*another size"):
        yozora.generate("a red ball", model=str(wan21[0]), lora=(str(other),), **SMALL)
    with pytest.raises(ValueError, match="cannot be read"):
        yozora.generate("a red ball", model=str(wan21[0]), lora=(str(tmp_path / "none.safetensors"),), **SMALL)
    with pytest.raises(ValueError, match="leave out :high"):
        yozora.generate("a red ball", model=str(wan21[0]), lora=(addition(wan21[0], tmp_path / "a.safetensors") + ":high",), **SMALL)
    with pytest.raises(ValueError, match="does not fit this model"):
        yozora.generate("a red ball", lora=(str(other),))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.safetensors", ("a.safetensors", 1.0, "")),
        ("a.safetensors:0.8", ("a.safetensors", 0.8, "")),
        ("C:/x/a.safetensors:-1:low", ("C:/x/a.safetensors", -1.0, "low")),
        ("x/a.safetensors:high", ("x/a.safetensors", 1.0, "high")),
        ("v1:2.safetensors", ("v1:2.safetensors", 1.0, "")),
    ],
)
def test_how_additions_are_named(text, wanted):
    assert tuple(read_lora(text).values()) == wanted


@pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
def test_distilled_weights_take_few_steps_without_guidance(wan21, wan22):
    for folder, _ in (wan21, wan22):
        asked = {"model": str(folder), "size": "64x64", "frames": 5}
        made = yozora.generate("a red ball", distilled=True, **asked)
        same = yozora.generate("a red ball", distilled=True, steps=4, guidance=1.0, **asked)
        assert (made.frames == same.frames).all()
        assert (made.frames != yozora.generate("a red ball", steps=4, guidance=1.0, **asked).frames).any()
        longer = yozora.extend(made, "a red ball", distilled=True, frames=4, model=str(folder))
        assert (longer.frames[:5] == made.frames).all()
    with pytest.raises(ValueError, match="built in; leave out --distilled"):
        yozora.generate("a red ball", quality="fast", distilled=True)


def test_jumps_and_new_noise_are_those_of_the_formula(wan21):
    model = load(str(wan21[0]), torch.device("cpu"), torch.float32)
    canvas = Canvas(
        given=Video(np.zeros((1, 32, 32, 3), np.uint8), 16.0),
        start=np.ones((1, 1, 1), np.float32),
        script=(Cue(text="a", start=0.0, end=1 / 16),),
    )
    (made,) = meet([canvas], [3], Sampling(steps=2, guidance=1.0, sampler="renoise"), model)
    grid = grid_of(canvas, model)
    first, second = (draw_noise([seed], [grid.num_tokens], model.transformer.config.token_channels) for seed in ((3, 0), (3, 0, 1)))
    tokens = patchify(torch.zeros(model.vae.config.channels, *grid.cells), grid.patch)
    states, lengths = model.text.encode(["a"])
    words, state = Words(states=states, lengths=lengths, tokens=(grid.num_tokens,)), first
    times = model.habits.schedule.times(2, grid.num_tokens)
    for time, later, noise in zip(times[:-1], times[1:], (second, second), strict=True):
        level = torch.full((grid.num_tokens,), time)
        heard = (level * 1000).floor() / 1000
        data = state - time * model.transformer(replace(tokens, values=state), heard, words)
        state = (1 - later) * data + later * noise
    wanted = unpatchify(state, grid.cells, grid.patch).numpy()
    assert np.abs(made.kept[0].latents - wanted).max() < 0.01


@pytest.mark.parametrize("name", ["owner/Wan2.1-T2V-1.3B-Self-Forcing", "models/Wan21_CausVid_14B.safetensors", "self_forcing_dmd"])
def test_weights_that_see_no_frame_ahead_are_refused_by_name(name):
    with pytest.raises(ValueError, match=r"is (CausVid|Self-Forcing), which makes a clip chunk by chunk"):
        find(name)


def spoilt(folder, to, change) -> str:
    shutil.copytree(folder, to)
    change(to)
    return str(to)


def without(name):
    return lambda folder: next(folder.glob(name)).unlink()


def renamed(folder):
    file = sorted((folder / "transformer").glob("*.safetensors"))[0]
    tensors = load_file(file)
    name = sorted(tensors)[0]
    save_file({"surprise" if one == name else one: value for one, value in tensors.items()}, file)


def written(file, text):
    return lambda folder: (folder / file).write_text(text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("transformer/*00002*.safetensors"), "lacks 1 of"),
        (without("vae/*.index.json"), "neither diffusion_pytorch_model.safetensors nor"),
        (without("transformer/config.json"), "config.json cannot be read"),
        (written("model_index.json", '{"_class_name": "CogVideoXPipeline"}'), "holds a CogVideoXPipeline"),
        (written("model_index.json", "{"), "cannot be read"),
        (written("model_index.json", "[]"), "holds no table"),
        (written("transformer/config.json", "{}"), "num_attention_heads. is missing"),
        (written("scheduler/scheduler_config.json", '{"flow_shift": "much"}'), "could not convert"),
        (renamed, "missing.*unexpected.*surprise"),
    ],
    ids=[
        "half a download",
        "no weights",
        "no configuration",
        "wrong family",
        "broken table",
        "no table",
        "empty",
        "no number",
        "other keys",
    ],
)
def test_a_folder_that_is_not_whole_is_refused_with_what_is_wrong(wan21, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        yozora.generate("a red ball", model=spoilt(wan21[0], tmp_path / "spoilt", change), **SMALL)


def test_open_weights_are_not_trained_or_saved_as_ours(wan21):
    model = load(str(wan21[0]), torch.device("cpu"), torch.float32)
    with pytest.raises(ValueError, match="used as they are"):
        _ = model.own_text
    with pytest.raises(ValueError, match="no student"):
        yozora.generate("a red ball", model=str(wan21[0]), quality="fast", **SMALL | {"steps": None})
    assert replace(model, name="x").own_transformer is model.transformer
