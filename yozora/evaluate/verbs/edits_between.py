"""Cases in which what is given lies on both sides of what is made, or in its middle."""

from dataclasses import replace

import numpy as np

from yozora.evaluate.finding import Findings, worst
from yozora.evaluate.measures import judge
from yozora.evaluate.sight.track import look
from yozora.evaluate.trails import none_born_or_lost, same_form
from yozora.evaluate.truth import asked
from yozora.evaluate.verbs import seams
from yozora.evaluate.verbs.edit import RENDER, Edit, as_asked, clip, crossing, dissolved, only, pick, shoot, things, words
from yozora.evaluate.verbs.exposures import double_exposure
from yozora.evaluate.verbs.given import beats, kept_bits
from yozora.evaluate.verbs.seams import at_seams, worst_ratio
from yozora.tasks.animate import Animate
from yozora.tasks.connect import Connect
from yozora.tasks.fill import Fill
from yozora.tasks.recut import Recut
from yozora.tasks.request import Shot
from yozora.tasks.source import read_source
from yozora.tasks.timeline import on_beat
from yozora.video import Video


def connect(number: int, shot: Shot) -> Edit:
    """The beginning and the end of one clip are given."""
    scene = pick(number, crossing)
    _, whole = shoot(scene, shot)
    true = clip(whole.frames[: shot.frames - shot.frames % shot.beat], whole)
    frames, (first, last) = true.frames, (shot.frames // 4 + 1, on_beat(shot.frames * 3 // 4, shot.beat))
    ends = [clip(np.repeat(frames[at : at + 1], len(frames), axis=0), true) for at in (first - 1, last)]
    weight = np.clip((np.arange(len(frames)) - first + 1) / (last - first + 1), 0, 1)
    between, middle = dissolved(ends[0].frames, ends[1].frames, weight), (first + last) // 2
    others = {
        RENDER: true,
        "dissolve": clip(np.concatenate([frames[:first], between[first:last], frames[last:]]), true),
        "cut": clip(np.concatenate([frames[:first], ends[0].frames[first:middle], ends[1].frames[middle:last], frames[last:]]), true),
    }
    request = Connect(
        first=read_source(clip(frames[:first], true)), second=read_source(clip(frames[last:], true)), prompt=words(scene, number)
    )

    def judged(made: Video) -> Findings:
        found: Findings = {"given": kept_bits(frames, made.frames, only(made, (*range(first), *range(last, len(frames)))))}
        sight, new = look(made), (first, last)
        found |= at_seams(made.frames, sight, new) | {"things": none_born_or_lost(sight, new), "form": same_form(sight, new)}
        return found | {"exposure": double_exposure(made, *ends)}

    given = frames.copy()
    given[first:last] = 0
    shorter = replace(shot, frames=last - first)
    return Edit(request=request, shot=shorter, given=clip(given, true), others=others, judge=judged)


def animate_to(number: int, shot: Shot) -> Edit:
    """The first and the last frame of a clip are given."""
    scene = pick(number, crossing)
    _, true = shoot(scene, shot)
    spec, frames, last = asked(scene, shot), true.frames, shot.frames - 1
    ends = [clip(np.repeat(frames[at : at + 1], len(frames), axis=0), true) for at in (0, last)]
    others = {
        RENDER: true,
        "dissolve": clip(dissolved(ends[0].frames, ends[1].frames, np.linspace(0, 1, len(frames))), true),
        "cut": clip(np.concatenate([ends[0].frames[: last // 2], ends[1].frames[last // 2 :]]), true),
    }

    def judged(made: Video) -> Findings:
        found: Findings = {"given": kept_bits(frames, made.frames, only(made, (0, last)))}
        found |= {
            "ratio": worst_ratio(made.frames, (1, last)),
            "steps": seams.largest_step(made.frames),
            "exposure": double_exposure(made, *ends),
        }
        return found | as_asked(judge(look(made), spec))

    given = frames.copy()
    given[1:last] = 0
    pictures = [read_source(clip(frames[at : at + 1], true)) for at in (0, last)]
    request = Animate(image=pictures[0], last=pictures[1], prompt=words(scene, number))
    return Edit(request=request, shot=shot, given=clip(given, true), others=others, judge=judged)


def recut(number: int, shot: Shot) -> Edit:
    """The middle of a clip is given, and what came before and comes after is to be invented."""
    scene = pick(number, crossing)
    _, whole = shoot(scene, shot)
    true = clip(whole.frames[: shot.frames - shot.frames % shot.beat], whole)
    frames, (first, last) = true.frames, (on_beat(shot.frames // 4, shot.beat), on_beat(shot.frames * 3 // 4, shot.beat))
    given = frames[first:last]
    held = [np.repeat(one, many, axis=0) for one, many in ((given[:1], first), (given[-1:], len(frames) - last))]
    others = {
        RENDER: true,
        "held": clip(np.concatenate([held[0], given, held[1]]), true),
        "mirrored in time": clip(np.concatenate([given[first:0:-1], given, given[-2 : -2 - len(held[1]) : -1]]), true),
    }
    request = Recut(
        video=read_source(true),
        from_=first / shot.fps,
        to=last / shot.fps,
        before=first / shot.fps,
        after=(len(frames) - last) / shot.fps,
        prompt=words(scene, number),
    )

    def judged(made: Video) -> Findings:
        sight, new = look(made), ((0, first), (last, len(frames)))
        found: Findings = {"given": kept_bits(frames, made.frames, only(made, range(first, last)))} | at_seams(
            made.frames, sight, (first, last)
        )
        for name, measure in (("things", none_born_or_lost), ("form", same_form)):
            found[name] = worst((measure(sight, span) for span in new), 1.0)
        return found

    shown = np.zeros_like(frames)
    shown[first:last] = given
    return Edit(request=request, shot=shot, given=clip(shown, true), others=others, judge=judged)


def fill_missing(number: int, shot: Shot) -> Edit:
    """Every second frame is gone, as where the rate is to be doubled."""
    scene = pick(number, crossing)
    take, true = shoot(scene, shot)
    lost = np.arange(len(true.frames)) % 2 == 1
    lost[-1] = False
    before, after = true.frames.copy(), true.frames.copy()
    before[lost], after[lost] = true.frames[np.flatnonzero(lost) - 1], true.frames[np.flatnonzero(lost) + 1]
    halves = dissolved(before, after, np.full(len(before), 0.5))
    moving = (things(take, shot) >= 0) & lost[:, None, None]
    others = {RENDER: true, "the frame before": clip(before, true), "both neighbours mixed": clip(halves, true)}

    def judged(made: Video) -> Findings:
        given = kept_bits(true.frames, made.frames, only(made, np.flatnonzero(~lost).tolist()))
        return {"given": given, "closer": beats(true.frames, made.frames, halves, moving), "steps": seams.largest_step(made.frames)}

    shown = np.where(lost[:, None, None, None], np.uint8(0), true.frames)
    missing = ",".join(str(frame) for frame in np.flatnonzero(lost))
    request = Fill(video=read_source(clip(shown, true)), missing=missing, prompt=words(scene, number))
    return Edit(request=request, shot=shot, given=clip(shown, true), others=others, judge=judged)
