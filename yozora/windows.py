"""A canvas is met in windows: stretches around what is still to be made, none longer than a model was trained on.

What one window made is given to the next. So a long clip takes no more of the model's memory than a short one, a clip
that is longer than a model's own is carried on from itself, and of a long given clip only the neighbourhood of what changes is looked at.
"""

from dataclasses import replace
from itertools import groupby

import numpy as np

from yozora.canvas import Canvas, Cue, Kept, cue_at
from yozora.video import Video

Span = tuple[int, int]  # first frame and the one after the last; of a loop the latter may lie in the next round


def next_window(canvas: Canvas, longest: int, cell: int) -> Span | None:
    """The next stretch of at most `longest` frames to be made; None where nothing is left to do.

    What is given on both sides is shown as far as there is room; of a hole that is too long for that, as much is left to the last
    stretch as it can make with both ends in sight. Of many holes a stretch takes some, and ends with what is given behind them. Where it
    can, a stretch begins `cell` frames or a multiple of them after the first frame of the latents that are kept, so that they lie on its
    grid. A ring has no lone first frame, and is held in as many cells.
    """
    levels, phase = canvas.levels, canvas.kept[0].frame if canvas.kept else 0
    frames, busy = len(levels), np.flatnonzero(levels > 0)
    if not len(busy):
        return None
    if canvas.loops and len(busy) == frames:
        return 0, frames if frames < longest + cell else longest
    if canvas.loops:
        first = next(int(frame) for frame in busy if levels[frame - 1] == 0)
        busy = np.sort((busy - first) % frames) + first
        before = after = frames - int(busy[-1] - busy[0] + 1)
    else:
        before, after = int(busy[0]), frames - 1 - int(busy[-1])
    begin, end = int(busy[0]), int(busy[-1]) + 1
    if not canvas.loops and frames <= longest:
        skipped = phase % cell
        return (skipped if skipped <= begin // 2 else 0), frames
    room = longest - (cell - 1) - (end - begin)  # the grid can ask for some frames more
    wanted = longest // 8  # frames of what is known on either side, at least
    if room >= min(before, wanted) + min(after, wanted):
        start = begin - min(before, max(room // 2, room - after))
    elif before or not after:
        start = begin - min(before, longest // 2)
    else:  # nothing is known but what comes after: from there backwards
        start = end + min(after, longest // 2) - longest + cell - 1
    start -= (start - phase) % cell
    if not canvas.loops:
        start = max(start, 0)
    last = min(end + after, start + longest)
    if after and last < end + min(after, wanted):
        last = min(last, max(begin + 1, end - (longest - (cell - 1) - 2 * wanted)))
        ends = begin + 1 + np.flatnonzero(levels[np.arange(begin, min(end, start + longest)) % frames] == 0)
        later = ends[ends >= last]
        if len(ends):
            last = int(later[0] if len(later) else ends[-1])
        else:
            last = min(last + (start + 1 - last) % cell, start + longest)
    return start, last


def cut(canvas: Canvas, span: Span) -> Canvas:
    """A stretch of a canvas as a canvas of its own."""
    frames, fps = canvas.given.num_frames, canvas.given.fps
    if span == (0, frames):
        return canvas
    first, last = span
    inside = np.arange(first, last) % frames
    within = slice(first, last) if first >= 0 and last <= frames else inside
    rounds = range(first // frames, (last - 1) // frames + 1)
    return replace(
        canvas,
        given=Video(frames=canvas.given.frames[within], fps=fps),
        start=canvas.start if len(canvas.start) == 1 else canvas.start[within],
        script=_script(canvas.script, inside, fps),
        kept=tuple(kept.moved(turn * frames - first) for kept in canvas.kept for turn in rounds),
        loops=False,
    )


def own(canvas: Canvas) -> Canvas:
    """A canvas with pixels and levels of its own, which `put_back` may write to."""
    start = np.broadcast_to(canvas.start, (canvas.given.num_frames, *canvas.start.shape[1:])).copy()
    return replace(canvas, given=Video(frames=canvas.given.frames.copy(), fps=canvas.given.fps), start=start)


def put_back(canvas: Canvas, span: Span, made: Video, kept: tuple[Kept, ...]) -> Canvas:
    """The canvas with a stretch of it made: its frames are given from now on, and its latents kept in place of older ones.

    They are written into the canvas, which must be its own (see `own`): a long clip is not copied for each of its stretches.
    """
    frames = canvas.given.num_frames
    inside = np.arange(*span) % frames
    same = canvas.levels == 0
    same[np.setdiff1d(np.arange(frames), inside)] = True
    canvas.given.frames[inside], canvas.start[inside] = made.frames, 0
    older = (one.only(run) for one in canvas.kept for run in runs(same))
    newer = (one.moved(span[0]).only(range(frames)) for one in kept)
    return replace(canvas, kept=tuple(one for one in (*older, *newer) if one.where))


def runs(chosen: np.ndarray) -> list[range]:
    """The stretches of frames that are chosen, `bool[time]`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [range(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _script(script: tuple[Cue, ...], frames: np.ndarray, fps: float) -> tuple[Cue, ...]:
    """The cues that hold in the middle of each of some frames, one behind the other."""
    found, place = [], 0
    for index, run in groupby(cue_at(script, (frames + 0.5) / fps).tolist()):
        length = len(list(run))
        found.append(Cue(text=script[index].text, start=place / fps, end=(place + length) / fps))
        place += length
    return tuple(found)
