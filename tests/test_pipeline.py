"""The pipeline on a tiny model with random weights: exact sizes, seeds, company, given pixels."""

import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import yozora
from yozora import plan
from yozora.canvas import Canvas, Cue
from yozora.flow.schedule import REFERENCE_TOKENS
from yozora.model import digest, load
from yozora.order import Sampling, prepare, resolve
from yozora.pipeline import draft_of, grid_of, perform, render
from yozora.plan import memory_needed
from yozora.tasks.finish import Finish
from yozora.tasks.generate import Generate
from yozora.tasks.request import Shot
from yozora.tasks.settings import Settings
from yozora.tasks.source import read_source
from yozora.vae import VideoVAE, tiles
from yozora.vae.config import Tiling
from yozora.video import Video

EMPTY = Generate(prompt="a red ball")
SAMPLING = Sampling(steps=3, guidance=2.0, negative="blue", drafts=False)
RENEWING = replace(SAMPLING, eta=1.0)


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), torch.device("cpu"), torch.float32)


def done(request, settings):
    """Videos and facts of a request."""
    return [(made, made.facts) for made in perform(prepare(request, settings))]


def empty(width=64, height=32, frames=6, prompt="a red ball rolls left"):
    return Generate(prompt=prompt).canvas(Shot(width=width, height=height, frames=frames, fps=8.0))


@pytest.mark.parametrize(("width", "height", "frames"), [(64, 32, 5), (50, 34, 6), (2, 2, 1), (96, 62, 2)])
def test_any_even_size_and_length_comes_back_exactly(model, width, height, frames):
    (video,) = render([empty(width, height, frames)], [0], SAMPLING, model)
    assert video.frames.shape == (frames, height, width, 3)


@pytest.mark.parametrize("sampling", [SAMPLING, RENEWING])
def test_the_same_seed_gives_the_same_clip_and_another_another(model, sampling):
    first, again, other = (render([empty()], [seed], sampling, model)[0].frames for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_noise_is_renewed_where_a_model_is_used_so(tiny_model, tmp_path):
    """What is given stays as it is, and all else is another clip of the same seed."""
    shutil.copytree(tiny_model, tmp_path / "tiny")
    file = tmp_path / "tiny" / "model.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"habits": facts["habits"] | {"eta": 1.0}}))
    clips = [yozora.generate("a red ball", model=str(folder), frames=9) for folder in (tiny_model, tmp_path / "tiny")]
    assert Sampling.by(load(str(file.parent), torch.device("cpu"), torch.float32).habits).eta == 1.0
    assert not np.array_equal(*(clip.frames for clip in clips))
    path = clips[1].save(tmp_path / "a.mp4")
    longer = yozora.extend(path, "a red ball", frames=4, model=str(file.parent))
    assert np.array_equal(longer.frames[:9], Video.load(path).frames)


@pytest.mark.parametrize("sampling", [SAMPLING, RENEWING])
def test_a_clip_does_not_depend_on_its_company(model, sampling):
    alone = render([empty()], [7], sampling, model)[0].frames
    large, given = empty(96, 96, 17, "two green eggs"), replace(empty(), start=np.full((1, 1, 1), 0.5, np.float32))
    assert grid_of(large, model).num_tokens > 2 * REFERENCE_TOKENS  # so that each has a schedule of its own
    videos = render([large, empty(), given, empty(prompt="a blue cube")], [1, 7, 7, 2], sampling, model)
    assert [video.frames.shape[:2] for video in videos] == [(17, 96), (6, 32), (6, 32), (6, 32)]
    assert np.abs(alone.astype(int) - videos[1].frames).max() <= 1
    assert np.abs(alone.astype(int) - videos[2].frames).max() > 1


def test_given_pixels_come_back_to_the_bit(model):
    rng = np.random.default_rng(0)
    given = Video(frames=rng.integers(0, 255, (9, 32, 64, 3), dtype=np.uint8), fps=8.0)
    start = np.ones((9, 1, 1), np.float32)
    start[:5] = 0
    canvas = Canvas(given=given, start=start, script=(Cue(text="a red ball", start=0.0, end=9 / 8),))
    (video,) = render([canvas], [0], SAMPLING, model)
    assert np.array_equal(video.frames[:5], given.frames[:5])
    assert not np.array_equal(video.frames[5:], given.frames[5:])


def test_every_stage_reports_to_the_end(model):
    seen = []
    render([empty()], [0], SAMPLING, model, lambda *step: seen.append(step))
    assert seen == [("denoise", 1, 3), ("denoise", 2, 3), ("denoise", 3, 3), ("decode", 1, 3), ("decode", 2, 3), ("decode", 3, 3)]


def test_clip_k_of_several_is_the_clip_of_its_seed(tiny_model):
    request = Generate(prompt="a red ball")
    settings = {"size": "64x32", "seconds": 0.5, "steps": 2, "model": str(tiny_model)}
    several = [video.frames for video, _ in done(request, Settings(seed=5, count=3, **settings))]
    ((last, facts),) = done(request, Settings(seed=7, **settings))
    assert np.abs(several[2].astype(int) - last.frames).max() <= 1
    assert "a red ball" in facts["request"] and facts["yozora"] == yozora.__version__


def test_python_generates_in_one_call(tiny_model):
    video = yozora.generate("a blue cube", size=(64, 32), seconds=0.25, steps=2, model=str(tiny_model))
    assert video.frames.shape == (2, 32, 64, 3)


def test_python_is_told_that_one_call_makes_one_video(tiny_model):
    with pytest.raises(ValueError, match="makes one video, not 2"):
        yozora.generate("a blue cube", count=2, model=str(tiny_model))


def test_a_length_in_frames_is_exact(tiny_model):
    assert yozora.generate("a blue cube", size=(64, 32), frames=1, steps=1, model=str(tiny_model)).frames.shape == (1, 32, 64, 3)
    with pytest.raises(ValueError, match="leave one of them out"):
        yozora.generate("a blue cube", seconds=1, frames=3, model=str(tiny_model))


def test_the_rate_of_the_file_does_not_change_the_speed(tiny_model):
    settings = {"size": "32x32", "seconds": 1, "steps": 1, "model": str(tiny_model)}
    ((video, _),) = done(Generate(prompt="a ball"), Settings(fps=24.0, **settings))
    assert (video.num_frames, video.seconds) == (24, 1.0)


def test_guidance_is_at_work_at_its_levels_only(model):
    clips = {}
    for guided in ((0.0, 1.0), (0.9, 1.0), (2.0, 3.0)):
        (clips[guided],) = render([empty()], [3], replace(SAMPLING, guided=guided), model)
    (plain,) = render([empty()], [3], replace(SAMPLING, guidance=1.0), model)
    assert np.array_equal(clips[2.0, 3.0].frames, plain.frames)
    assert len({clip.frames.tobytes() for clip in clips.values()}) == 3


def test_large_frames_are_decoded_in_tiles(model, monkeypatch):
    (whole,) = render([empty(32, 160)], [3], SAMPLING, model)
    asked = grid_of(empty(2048, 2048), model), model.transformer.config, model.vae.config, torch.device("cpu")
    needed = memory_needed(*asked).device
    sizes = []
    decode = VideoVAE.decode_chunk
    monkeypatch.setattr(VideoVAE, "decode_chunk", lambda self, part, *past: sizes.append(part.shape[3:]) or decode(self, part, *past))
    monkeypatch.setattr(tiles, "LARGE", 0)
    monkeypatch.setattr(tiles, "Tiling", partial(Tiling, side=9, overlap=8))
    (tiled,) = render([empty(32, 160)], [3], SAMPLING, model)
    assert set(sizes) == {(9, 2)}
    assert np.abs(tiled.frames.astype(int) - whole.frames).max() <= 1
    monkeypatch.setattr(tiles, "LARGE", 1 << 30)
    assert memory_needed(*asked).device > needed


def test_unknown_words_and_untrained_sizes_are_said(tiny_model, model):
    with pytest.warns(UserWarning, match="'zeppelin'"):
        list(done(Generate(prompt="a zeppelin"), Settings(size="64x64", seconds=0.5, steps=1, model=str(tiny_model))))
    with pytest.warns(UserWarning, match="32 to 64 pixels"):
        resolve(EMPTY, Settings(size="128x128"), model.habits, 4)


@pytest.mark.parametrize("seconds", [1000, 1e308])
def test_a_clip_above_the_limit_is_refused_with_the_limit(model, seconds):
    with pytest.raises(ValueError, match="at most"):
        resolve(EMPTY, Settings(seconds=seconds), model.habits, 4)


def test_an_empty_canvas_takes_no_memory():
    """Of a size that no machine could hold: 2 PB."""
    assert empty(width=8192, height=8192, frames=10**7).given.num_frames == 10**7


def test_every_file_of_a_model_counts_in_its_digest(tiny_model, tmp_path):
    before = digest(folder := Path(shutil.copytree(tiny_model, tmp_path / "model")))
    (folder / "README.md").write_text("A model.")
    assert digest(folder) == before
    (folder / "model.json").write_text((folder / "model.json").read_text().replace("tiny", "tall"))
    assert digest(folder) != before


def test_files_that_were_read_do_not_take_a_containers_memory(tmp_path):
    for name, text in (("memory.max", "1000"), ("memory.current", "900"), ("memory.stat", "anon 300\ninactive_file 500")):
        (tmp_path / name).write_text(text)
    assert plan._free_in_container(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max")
    assert plan._free_in_container(tmp_path) == plan.UNKNOWN


def test_a_machine_that_does_not_tell_its_free_memory_has_no_limit(tmp_path, monkeypatch):
    monkeypatch.delitem(os.sysconf_names, "SC_AVPHYS_PAGES", raising=False)  # as on macOS
    assert plan._free_in_machine(tmp_path / "meminfo") == plan.UNKNOWN


@pytest.mark.parametrize(("amx", "avx", "dtype"), [(True, True, "bfloat16"), (False, True, "bfloat16"), (False, False, "float32")])
def test_the_number_type_follows_from_the_processor(monkeypatch, amx, avx, dtype):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    assert plan.choose_dtype(torch.device("cpu")) == getattr(torch, dtype)


@pytest.mark.parametrize(("multiplies", "wanted"), [(True, torch.bfloat16), (False, torch.float16)])
def test_cards_compute_in_types_that_they_multiply(monkeypatch, multiplies, wanted):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: multiplies or including_emulation)
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: multiplies)
    assert plan.choose_dtype(torch.device("cuda")) == plan.choose_dtype(torch.device("mps")) == wanted


def test_what_is_larger_than_anything_seen_is_drafted_and_finished(model):
    """From words alone, by the same steps as a draft that somebody finishes; what is given stays as large as it is."""
    high = model.habits.trained.sides[1]
    shot = Shot(width=2 * high, height=high, frames=5, fps=model.habits.fps)
    asked, sampling = Generate(prompt="a red ball").canvas(shot), Sampling.by(model.habits)
    draft = draft_of(asked, model.habits)
    assert draft and max(draft.given.width, draft.given.height) <= high and draft.given.width == 2 * draft.given.height
    small = Shot(width=draft.given.width, height=draft.given.height, frames=5, fps=model.habits.fps)
    (drawn,) = render([Generate(prompt="a red ball").canvas(small)], [3], sampling, model)
    by_hand = Finish(draft=read_source(drawn), prompt="a red ball").canvas(shot)
    made, finished, seen, at_once = (
        render([canvas], [3], how, model)[0].frames
        for canvas, how in ((asked, sampling), (by_hand, sampling), (draft, sampling), (asked, replace(sampling, drafts=False)))
    )
    assert np.array_equal(made, finished) and np.array_equal(seen, drawn.frames) and not np.array_equal(made, at_once)
    together = render([draft, asked], [3, 3], sampling, model)
    assert np.array_equal(together[0].frames, seen) and np.array_equal(together[1].frames, made)
    given = replace(asked, start=np.concatenate([np.zeros((1, 1, 1)), np.ones((4, 1, 1))]).astype(np.float32))
    assert draft_of(given, model.habits) is None and draft_of(draft, model.habits) is None
