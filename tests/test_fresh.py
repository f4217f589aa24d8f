"""Laws of the window that moves over an endless row of clips."""

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from yozora.model import load
from yozora.train.clips import ClipShape, FilmMaker
from yozora.train.fresh import FreshClips, Window

SHAPE = ClipShape(frames=5, width=32, height=32, weight=1.0)
WINDOW = Window(width=2, block=3, every=2, ahead=1)


@pytest.fixture
def sources(tiny_model):
    vae = load(str(tiny_model), torch.device("cpu"), torch.float32).vae

    def make() -> FreshClips:
        source = FreshClips(vae, (1, 2, 2), [FilmMaker(shape=SHAPE, seed=3, fps=8.0)], WINDOW, workers=1)
        source.workers.shutdown()
        source.workers = ThreadPoolExecutor(1)  # the same work, without the seconds that a process takes to begin
        return source

    return make


def test_a_resumed_run_sees_the_clips_of_an_uninterrupted_one(sources):
    walked, resumed = sources(), sources()
    for step in range(5):
        walked(step, 0, SHAPE, 4)
    for one, other in zip(walked(5, 1, SHAPE, 4), resumed(5, 1, SHAPE, 4), strict=True):
        assert torch.equal(one.latents, other.latents) and one.words == other.words
        assert (one.placed is None) == (other.placed is None)


def test_the_window_moves_and_forgets(sources):
    source = sources()
    words = [{str(clip.words) for clip in source(step, 0, SHAPE, 12)} for step in (0, 1, 6)]
    assert words[0] & words[1] and not words[0] & words[2]
    kept = {number for _, number in (*source.blocks, *source.shot)}
    assert kept == {3, 4, 5}


def test_a_process_that_is_killed_ends_a_run_with_one_line(sources):
    source = sources()
    source(0, 0, SHAPE, 1)
    broken: Future = Future()
    broken.set_exception(BrokenProcessPool())
    source.shot = dict.fromkeys(source.shot, broken)
    with pytest.raises(ValueError, match="was killed, perhaps for want of memory; run the same command again: it goes on"):
        source(2, 0, SHAPE, 4)
