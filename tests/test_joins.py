"""What is made from what was made: kept latents come back, loops go round, a request's record is the request."""

import hashlib
import json
import os
import shutil
import stat
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from yozora import sidecar
from yozora.canvas import Kept
from yozora.made import Made
from yozora.model import load
from yozora.order import Sampling, prepare
from yozora.pipeline import decode, grid_of, meet, perform
from yozora.tasks import TASKS, Blend, Connect, Extend, Fill, Generate, Loop, Recut, Restyle
from yozora.tasks.note import note, understand
from yozora.tasks.request import Shot
from yozora.tasks.settings import Settings
from yozora.tasks.source import Source, read_source
from yozora.vae.place import pixels_of, token_start
from yozora.video import Video

SHOT = Shot(width=64, height=32, frames=8, fps=8.0, beat=4)
SAMPLING = Sampling(steps=2, guidance=1.0)


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), torch.device("cpu"), torch.float32)


def made(request, model, seed=0, shot=SHOT):
    """A request carried out, as something that can be given again."""
    (canvas,) = meet([request.canvas(shot)], [seed], SAMPLING, model)
    return Source(file="", sha256="", video=canvas.given, words="a red ball", kept=canvas.kept)


@pytest.fixture(scope="module")
def clip(model):
    return made(Generate(prompt="a red ball"), model)


def cells(kept: Kept) -> dict[int, np.ndarray]:
    """Latents by the last frame that each cell stands for, cell 0 aside, which stands for one frame."""
    return {kept.frame + 4 * number: kept.latents[:, number] for number in range(1, kept.latents.shape[1])}


REQUESTS = {
    "after": (lambda clip: Extend(video=clip, prompt="a ball"), 0),
    "before": (lambda clip: Extend(video=clip, prompt="a ball", side="before"), 8),
    "connect": (lambda clip: Connect(first=clip, second=clip, prompt="a ball"), 16),
    "loop": (lambda clip: Loop(video=clip), 16),
    "recut": (lambda clip: Recut(video=clip, from_=0.5, before=0.5, prompt="a ball"), 0),
    "blend": (lambda clip: Blend(first=clip, second=clip, curve="0:0,0.4:0,0.6:1,1:1"), 0),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_latents_that_lie_on_the_grid_come_back_to_the_bit(name, model, clip):
    ask, moved = REQUESTS[name]
    before = cells(clip.kept[0].moved(moved))
    after, again = (
        dict(one for kept in made(ask(source), model).kept[-2:] if kept.latents is not clip.kept[0].latents for one in cells(kept).items())
        for source in (clip, replace(clip, kept=()))
    )
    assert any(np.array_equal(before[frame], after[frame]) for frame in before.keys() & after.keys())
    assert not any(np.array_equal(before[frame], again[frame]) for frame in before.keys() & again.keys())


def test_a_long_clip_goes_on_from_its_own_latents(model):
    """Four windows, each beginning in what the one before made."""
    long = made(Generate(prompt="a red ball"), model, shot=replace(SHOT, frames=40))
    windows = long.kept
    assert len(windows) >= 4 and long.video.num_frames == 40
    for one, other in zip(windows[:-1], windows[1:], strict=True):
        before, after = cells(one), cells(other)
        shared = sorted(before.keys() & after.keys())
        assert len(shared) >= 2 and np.array_equal(before[shared[0]], after[shared[0]])


def test_latents_of_another_network_are_not_used(model, clip):
    strange = replace(clip, kept=tuple(replace(kept, vae="other") for kept in clip.kept))
    asked, plain = Extend(video=strange, prompt="a ball"), Extend(video=replace(clip, kept=()), prompt="a ball")
    assert np.array_equal(made(asked, model).video.frames, made(plain, model).video.frames)


def test_latents_of_what_was_changed_are_forgotten(model, clip):
    assert len(made(Restyle(video=clip, prompt="a blue cube", strength=0.9), model).kept) == 1
    end = made(Fill(video=clip, prompt="a blue cube", from_=0.5), model)
    assert [kept.where for kept in end.kept] == [range(4), range(8)]
    assert np.array_equal(end.kept[0].latents, clip.kept[0].latents)


def test_latents_of_what_is_given_in_part_follow_what_is_shown(model, clip, monkeypatch):
    seen = []
    monkeypatch.setattr("yozora.pipeline.moved", lambda latents, *pixels: seen.append(pixels[:2]) or latents)
    request = Fill(video=clip, prompt="a blue cube", box="4,4,8,8")  # no token is covered whole
    canvas = request.canvas(SHOT)
    grid = grid_of(canvas, model)
    filled, ((decoded, changed),) = made(request, model), seen
    open_tokens = pixels_of(torch.from_numpy(token_start(canvas.start, grid) > 0), grid)
    assert open_tokens.any() and not open_tokens.all()
    assert np.array_equal(changed[open_tokens], filled.video.frames[open_tokens])
    assert np.array_equal(changed[~open_tokens], decoded[~open_tokens])


def test_a_clip_that_is_written_over_takes_its_latents_with_it_and_no_other(tmp_path, model, clip):
    one, two = (Made(np.roll(clip.video.frames, shift, axis=2), 8.0, kept=clip.kept) for shift in (0, 8))
    one.save(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").rename(tmp_path / "b.mp4")
    two.save(tmp_path / "a.mp4")
    assert read_source(tmp_path / "a.mp4").kept and read_source(tmp_path / "b.mp4").kept
    one.save(tmp_path / "a.mp4")  # as b.mp4 is
    assert len(list(tmp_path.glob("*.latents"))) == 1 and read_source(tmp_path / "b.mp4").kept


def test_a_copy_of_a_clip_that_is_written_over_keeps_its_latents(tmp_path, clip):
    one, two = (Made(np.roll(clip.video.frames, shift, axis=2), 8.0, kept=clip.kept) for shift in (0, 8))
    copy = shutil.copy(one.save(tmp_path / "a.mp4"), tmp_path / "copy.mp4")
    two.save(tmp_path / "a.mp4")
    assert read_source(copy).kept and read_source(tmp_path / "a.mp4").kept
    copy.unlink()
    one.save(tmp_path / "a.mp4")
    two.save(tmp_path / "a.mp4")
    assert len(list(tmp_path.glob("*.latents"))) == 1 and read_source(tmp_path / "a.mp4").kept


def test_latents_that_cannot_be_removed_spoil_nothing(tmp_path, clip, monkeypatch):
    def refused(path, **_):
        if path.suffix == sidecar.SUFFIX:
            raise PermissionError("not allowed")

    one, two = (Made(np.roll(clip.video.frames, shift, axis=2), 8.0, kept=clip.kept) for shift in (0, 8))
    one.save(tmp_path / "a.mp4")
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.warns(UserWarning, match=r"a\.mp4 is made, but the latents beside it could not be brought up to date: not allowed"):
        two.save(tmp_path / "a.mp4")
    assert read_source(tmp_path / "a.mp4").kept


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files")
def test_whoever_may_read_a_clip_may_read_its_latents(tmp_path, clip):
    before = os.umask(0o027)
    try:
        Made(clip.video.frames, 8.0, kept=clip.kept).save(tmp_path / "a.mp4")
    finally:
        os.umask(before)
    assert [oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()] == ["0o640"] * 2


def test_two_clips_lie_on_one_grid_wherever_they_were_cut(clip):
    cut = Recut(video=clip, from_=0.25).canvas(SHOT)
    first = Source(file="", sha256="", video=cut.given, kept=cut.kept)
    frames = [kept.frame for kept in Connect(first=first, second=clip, prompt="p").canvas(SHOT).kept]
    assert frames[0] == -2 and (frames[1] - frames[0]) % 4 == 0


def test_a_sidecar_is_found_by_the_clips_hash_whatever_either_is_called(tmp_path, clip):
    path = clip.video.save(tmp_path / "clip.mp4")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = sidecar.save(clip.kept, path, sha256)
    beside.rename(beside.with_name("other" + beside.suffixes[-2] + beside.suffixes[-1]))
    found = read_source(path.rename(tmp_path / "new name.mp4"))
    assert found.sha256 == sha256 and np.array_equal(found.kept[0].latents, clip.kept[0].latents)
    assert (found.kept[0].frame, found.kept[0].end, found.kept[0].where) == (0, 8, range(8))


def test_a_loop_goes_round_in_pixels_as_in_latents(model):
    canvas = Generate(prompt="a red ball", loop=True).canvas(replace(SHOT, frames=14))
    assert canvas.given.num_frames == 16 and canvas.loops
    grid = grid_of(canvas, model)
    latents = torch.randn(4, *grid.cells, generator=torch.Generator().manual_seed(0))
    frames, turned = (decode(grid, one, model, lambda *_: None) for one in (latents, latents.roll(3, dims=1)))
    assert np.array_equal(np.roll(frames, 12, axis=0), turned) and len(frames) == 16
    (whole,) = meet([canvas], [0], SAMPLING, model)
    assert whole.given.num_frames == 16 and not whole.kept
    (long,) = meet([Generate(prompt="a red ball", loop=True).canvas(replace(SHOT, frames=32))], [0], SAMPLING, model)
    assert long.given.num_frames == 32 and long.kept  # longer than a window: a line that is closed by a bridge


def test_a_bridge_closes_a_clip_and_the_clip_stays(model, clip):
    loop = made(Loop(video=clip), model)
    assert loop.video.num_frames == 16 and np.array_equal(loop.video.frames[:8], clip.video.frames)


def test_a_record_is_the_request_again(tiny_model, tmp_path):
    path = Video(np.random.default_rng(0).integers(0, 255, (8, 32, 64, 3), dtype=np.uint8), 8.0).save(tmp_path / "clip_%d.png")
    pictures = [path.with_name(f"clip_{index}.png") for index in range(8)]
    asked = {
        "generate": {"prompt": "a ball", "loop": True},
        "animate": {"image": pictures[0], "prompt": "a ball", "at": [f"0.5={pictures[1]}"]},
        "fill": {"video": pictures[0], "prompt": "a ball", "box": "2,2,8,8"},
        "blend": {"first": pictures[0], "second": pictures[1], "curve": "0:0,0.5:1,1:0"},
        "restyle": {"video": pictures[0], "prompt": "a ball", "strength": "strong"},
    }
    settings = Settings(seed=3, size="64x32", model=str(tiny_model))
    for task in TASKS:
        if fields := asked.get(task.__name__.lower()):
            request = task(**fields)
            again, same = understand(note(request, settings), TASKS)
            assert type(again) is task and note(again, same) == note(request, settings) and same == settings
    text = json.loads(note(Extend(video=pictures[0], prompt="a ball"), settings))
    pictures[0].write_bytes(pictures[1].read_bytes())
    with pytest.raises(ValueError, match="no longer the file"):
        understand(json.dumps(text), TASKS)


def test_the_record_of_a_clip_says_what_made_it(tiny_model):
    settings = Settings(size="64x32", seconds=1, steps=1, seed=5, model=str(tiny_model))
    (clip,) = perform(prepare(Generate(prompt="a red ball"), settings))
    request, same = understand(clip.facts["request"], TASKS)
    (again,) = perform(prepare(request, same))
    assert np.array_equal(again.frames, clip.frames) and again.facts == clip.facts
