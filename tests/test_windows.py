"""Laws of windows: everything is made once, from what is known around it, in stretches that a model can hold."""

from dataclasses import replace

import numpy as np
import pytest

from yozora.canvas import Canvas, Cue, Kept
from yozora.video import Video
from yozora.windows import cut, next_window, own, put_back

LONGEST, CELL = 33, 4
WANTED = 4  # frames of what is known beside a hole, one cell of latents


def canvas(holes, frames, *, loops=False, kept=()):
    """A clip whose frames show their number, with holes at these frames."""
    pixels = np.arange(frames, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    start = np.zeros((frames, 1, 1), np.float32)
    start[list(holes)] = 1
    script = (Cue(text="first", start=0.0, end=2.0), Cue(text="then", start=2.0, end=frames / 8))
    return Canvas(given=Video(pixels, 8.0), start=start, script=script, kept=tuple(kept), loops=loops)


def meet(what):
    """The windows in which a canvas is made, each painted white, and the canvas in the end."""
    spans, what = [], own(what)
    while span := next_window(what, LONGEST, CELL):
        part = cut(what, span)
        white = Video(np.where(np.broadcast_to(part.start, part.given.frames.shape[:3])[..., None] > 0, 255, part.given.frames), 8.0)
        what = put_back(what, span, white, ())
        spans.append(span)
    return spans, what


HOLES = {
    "all": (range(100), 100),
    "after": (range(40, 90), 90),
    "before": (range(60), 100),
    "between": (range(50, 62), 120),
    "far apart": ([10, 11, 200, 201], 250),
    "one frame": ([70], 140),
    "every other": (range(1, 120, 2), 120),
}


@pytest.mark.parametrize("name", HOLES)
@pytest.mark.parametrize("loops", [False, True])
def test_every_hole_is_filled_and_nothing_else_is_touched(name, loops):
    holes, frames = HOLES[name]
    before = canvas(holes, frames, loops=loops)
    spans, after = meet(before)
    assert all(last - first <= LONGEST for first, last in spans)
    assert not after.levels.any()
    hole = np.isin(np.arange(frames), list(holes))
    assert (after.given.frames[hole] == 255).all()
    assert np.array_equal(after.given.frames[~hole], before.given.frames[~hole])


@pytest.mark.parametrize("name", HOLES)
def test_what_is_made_sees_what_is_known_on_both_sides(name):
    holes, frames = HOLES[name]
    what, context = canvas(holes, frames), (LONGEST - CELL) // 4
    while span := next_window(what, LONGEST, CELL):
        part, busy = cut(what, span), np.flatnonzero(what.levels > 0)
        first, last = int(busy[0]), int(busy[-1]) + 1
        if last - first + 2 * context <= LONGEST - CELL:
            assert first - span[0] >= min(context, first) and span[1] - last >= min(context, frames - last)
        assert (part.levels == 0).sum() >= context or (what.levels > 0).all()
        what = put_back(what, span, part.given, ())


@pytest.mark.parametrize("holes", [range(1, 99, 2), range(40, 99, 3), [30, 31, 45, 46, 60, 61, 75, 76, 90, 91]])
def test_a_stretch_ends_behind_what_is_given_after_its_last_hole(holes):
    what = canvas(holes, 140)
    while span := next_window(what, LONGEST, CELL):
        assert what.levels[span[1] - 1] == 0
        what = put_back(what, span, cut(what, span).given, ())


def test_a_long_bridge_takes_few_stretches_and_is_divided_on_the_grid():
    spans, _ = meet(canvas(range(40, 110), 140))
    assert len(spans) == 4 and all((last - 1 - first) % CELL == 0 for first, last in spans)


@pytest.mark.parametrize("before", [0, 1, 5, 60])
@pytest.mark.parametrize("after", [0, 1, 5, 60])
def test_enough_of_what_is_known_is_always_seen(before, after):
    for hole in (*range(1, 40), 50, 63, 64, 99):
        what = canvas(range(before, before + hole), before + hole + after)
        while span := next_window(what, LONGEST, CELL):
            busy = np.flatnonzero(what.levels > 0)
            first, last = int(busy[0]), int(busy[-1]) + 1
            seen = max(0, first - span[0]), max(0, span[1] - last)
            known = first, what.given.num_frames - last
            enough = [got >= min(WANTED, there) for got, there in zip(seen, known, strict=True)]
            closes = span[0] <= first and last <= span[1]
            assert all(enough) if closes else any(enough), (before, hole, after, span)
            assert not (closes and before and after) or last - first >= min(hole, LONGEST // 2), (before, hole, after, span)
            assert span[0] <= first < span[1] or span[0] < last <= span[1]
            what = put_back(what, span, cut(what, span).given, ())


def test_a_short_canvas_is_one_window_and_stays_as_it_is():
    what = canvas([3], 33)
    assert next_window(what, LONGEST, CELL) == (0, 33) and cut(what, (0, 33)) is what
    assert next_window(canvas([], 33), LONGEST, CELL) is None


def test_a_ring_is_held_in_as_many_cells_as_a_line():
    assert [next_window(canvas(range(frames), frames, loops=True), LONGEST, CELL) for frames in (32, 36, 40)] == [(0, 32), (0, 36), (0, 33)]


def test_a_loop_is_cut_open_where_it_is_known():
    what = canvas(range(40, 56), 56, loops=True)
    (span,), made = meet(what)
    part = cut(what, span)
    assert not part.loops and part.levels[0] == part.levels[-1] == 0
    assert part.given.frames[-1, 0, 0, 0] == (span[1] - 1) % 56 and span[1] > 56
    assert made.loops


def test_windows_begin_where_kept_latents_lie_on_the_grid():
    latents = np.zeros((1, 11, 1, 1), np.float16)
    for frame in (-5, -4, 2):
        kept = Kept(latents=latents, frame=frame, end=frame + 41, where=range(frame, frame + 41), vae="")
        first, _ = next_window(canvas(range(60, 76), 90, kept=[kept]), LONGEST, CELL)
        assert (first - frame) % CELL == 0
        (moved,) = cut(canvas(range(60, 76), 90, kept=[kept]), (first, first + 33)).kept
        assert moved.frame == frame - first


def test_each_frame_keeps_its_words():
    what = canvas(range(60), 60)
    part = cut(what, (10, 40))
    assert [(cue.text, cue.start, cue.end) for cue in part.script] == [("first", 0.0, 0.75), ("then", 0.75, 3.75)]
    around = cut(replace(what, loops=True), (50, 70))
    assert [(cue.text, cue.end) for cue in around.script] == [("then", 1.25), ("first", 2.5)]
