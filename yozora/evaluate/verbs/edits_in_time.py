"""Cases of the verbs that make time: a loop, a picture that moves, a clip that goes on or begins earlier, one that melts."""

from dataclasses import replace

import numpy as np
import torch

from yozora.evaluate.faults import freeze, shuffle
from yozora.evaluate.finding import Findings
from yozora.evaluate.measures import judge
from yozora.evaluate.sight.track import look
from yozora.evaluate.trails import apart, clear, none_born_or_lost, same_form
from yozora.evaluate.truth import act, asked, film
from yozora.evaluate.verbs import seams
from yozora.evaluate.verbs.edit import RENDER, Edit, as_asked, clip, crossing, dissolved, only, pick, shoot, words
from yozora.evaluate.verbs.exposures import answers, double_exposure, shown_together
from yozora.evaluate.verbs.given import kept_bits
from yozora.evaluate.verbs.retake import closed, melted
from yozora.evaluate.verbs.seams import around, at_seams
from yozora.tasks.animate import Animate
from yozora.tasks.blend import Blend
from yozora.tasks.extend import Extend
from yozora.tasks.generate import Generate
from yozora.tasks.loop import Loop
from yozora.tasks.request import Shot
from yozora.tasks.source import Source, read_source
from yozora.tasks.timeline import on_beat
from yozora.video import Video
from yozora.world.scene import Scene
from yozora.world.take import Take

APART = 0.6  # of a blend's frames in which its two clips have their things in different places
PARTS = 4  # of a ring, one of which is given


def generate_loop(number: int, shot: Shot) -> Edit:
    """Words alone are given, and the end is to meet the beginning."""
    ring, true = circle(number, shot)
    _, onward = shoot(ring.scene, replace(shot, frames=true.num_frames))
    half = true.num_frames // 2
    back = np.concatenate([true.frames[: half + 1], true.frames[half - 1 : 0 : -1]])
    others = {RENDER: true, "the way back": clip(back, true), "a clip that does not loop": onward}
    spec, prompt = asked(ring.scene, shot), words(ring.scene, number)

    def judged(made: Video) -> Findings:
        return around(made.frames, (0,)) | {"words": answers(look(made), spec)}

    nothing, shot = clip(true.frames[:1] * 0, true), replace(shot, frames=true.num_frames)
    return Edit(request=Generate(prompt=prompt, loop=True), shot=shot, given=nothing, others=others, judge=judged)


def circle(number: int, shot: Shot) -> tuple[Take, Video]:
    """Something that crosses the picture and comes back, so that its clip is a ring, a fourth of which is as simulated.

    Scenes are those in which nothing leaves the picture on the way or is hidden by another.
    """
    shot, first = replace(shot, frames=on_beat(shot.frames - 1, shot.beat)), shot.frames // PARTS + 1

    def whole(scene: Scene) -> bool:
        if scene.camera.kind != "static" or not crossing(scene):
            return False
        return bool(clear(closed(scene, shot, first), shot.width / shot.height)[1].all())

    take = closed(pick(number, whole), shot, first)
    return take, film([take], shot, torch.device("cpu"))[0]


def animate(number: int, shot: Shot) -> Edit:
    """The first frame of a clip is given, and the words."""
    scene, other = pick(number, crossing), pick(-1 - number, crossing)
    _, true = shoot(scene, shot)
    spec, rng = asked(scene, shot), np.random.default_rng(number)
    others = {
        RENDER: true,
        "held": clip(freeze(true.frames, rng), true),
        "shuffled": clip(np.concatenate([true.frames[:1], shuffle(true.frames[1:], rng)]), true),
        "other words": shoot(other, shot)[1],
    }

    def judged(made: Video) -> Findings:
        sight = look(made)
        found: Findings = {"given": kept_bits(true.frames, made.frames, only(made, range(1))), "ratio": seams.seam_ratio(made.frames, 1)}
        found |= {"steps": seams.largest_step(made.frames), "order": seams.in_order(made.frames)}
        return found | as_asked(judge(sight, spec))

    return Edit(
        request=Animate(image=read_source(clip(true.frames[:1], true)), prompt=words(scene, number)),
        shot=shot,
        given=clip(true.frames[:1], true),
        others=others,
        judge=judged,
    )


def extend_after(number: int, shot: Shot) -> Edit:
    """The first half of a clip is given."""
    scene = pick(number, crossing)
    _, true = shoot(scene, shot)
    half = shot.frames // 2 + 1
    given, more = true.frames[:half], shot.frames - half
    others = {
        RENDER: true,
        "held": clip(np.concatenate([given, np.repeat(given[-1:], more, axis=0)]), true),
        "begun again": clip(np.concatenate([given, given[:more]]), true),
        "backward": clip(np.concatenate([given, given[-2 : -2 - more : -1]]), true),
    }
    request = Extend(video=read_source(clip(given, true)), prompt=words(scene, number), side="after")
    return extended(request, true, range(half), others, replace(shot, frames=more))


def extend_before(number: int, shot: Shot) -> Edit:
    """The last half of a clip is given."""
    scene = pick(number, crossing)
    _, whole = shoot(scene, shot)
    more = on_beat(shot.frames // 2, shot.beat)
    true = clip(whole.frames[: shot.frames - shot.frames % shot.beat], whole)
    given = true.frames[more:]
    others = {
        RENDER: true,
        "held": clip(np.concatenate([np.repeat(given[:1], more, axis=0), given]), true),
        "backward": clip(np.concatenate([np.repeat(given[-1:], more, axis=0), given[::-1], given])[-true.num_frames :], true),
    }
    request = Extend(video=read_source(clip(given, true)), prompt=words(scene, number), side="before")
    shorter = replace(shot, frames=more)
    return extended(request, true, range(more, true.num_frames), others, shorter)


def extend_far(number: int, shot: Shot) -> Edit:
    """A fourth of a clip is given, and so much is asked that the model has to go on from what it made itself."""
    scene, far = pick(number, crossing), replace(shot, frames=shot.frames * 3 // 2)
    _, true = shoot(scene, far)
    first = shot.frames // 4 + 1
    given, more = true.frames[:first], far.frames - first
    others = {
        RENDER: true,
        "held": clip(np.concatenate([given, np.repeat(given[-1:], more, axis=0)]), true),
        "again and again": clip(np.concatenate([given] * (far.frames // first + 1))[: far.frames], true),
    }
    request = Extend(video=read_source(clip(given, true)), prompt=words(scene, number), side="after")

    def judged(made: Video) -> Findings:
        found: Findings = {"given": kept_bits(true.frames, made.frames, only(made, range(first)))}
        sight = look(made)
        found |= at_seams(made.frames, sight, (first, shot.frames)) | {"form": same_form(sight, (first, made.num_frames))}
        return found | {"order": seams.in_order(made.frames[first:])}

    return Edit(request=request, shot=replace(shot, frames=more), given=clip(given, true), others=others, judge=judged)


def extended(request: Extend, true: Video, kept: range, others: dict[str, Video], shot: Shot) -> Edit:
    """A clip that goes on from the frames `kept` of a true one."""
    seam = kept.start or kept.stop
    new = (0, kept.start) if kept.start else (kept.stop, true.num_frames)

    def judged(made: Video) -> Findings:
        found: Findings = {"given": kept_bits(true.frames, made.frames, only(made, kept))}
        sight = look(made)
        found |= at_seams(made.frames, sight, (seam,))
        found |= {"things": none_born_or_lost(sight, new), "form": same_form(sight, new), "order": seams.in_order(made.frames[slice(*new)])}
        return found

    return Edit(request=request, shot=shot, given=request.video.video, others=others, judge=judged)


def loop(number: int, shot: Shot) -> Edit:
    """A fourth of a clip is given, and what it shows must come back to where it begins."""
    ring, true = circle(number, shot)
    first, whole = shot.frames // PARTS + 1, true.num_frames
    given, others = true.frames[:first], {RENDER: true}
    share = (np.arange(whole - first) + 1) / (whole - first + 1)
    between = dissolved(np.repeat(given[-1:], len(share), axis=0), np.repeat(given[:1], len(share), axis=0), share)
    back = np.concatenate([given, given[-2:0:-1]] * PARTS)[:whole]
    again = np.concatenate([given] * PARTS)[:whole]
    others |= {name: clip(frames, true) for name, frames in (("the way back", back), ("begun again", again))}
    others["dissolve"] = clip(np.concatenate([given, between]), true)

    def judged(made: Video) -> Findings:
        sight, new = look(made), (first, whole)
        found: Findings = {"given": kept_bits(true.frames, made.frames, only(made, range(first)))} | around(made.frames, (0, first))
        return found | {"things": none_born_or_lost(sight, new), "form": same_form(sight, new)}

    return Edit(
        request=Loop(video=read_source(clip(given, true)), prompt=words(ring.scene, number)),
        shot=replace(shot, frames=whole - first),
        given=clip(given, true),
        others=others,
        judge=judged,
    )


def blend(number: int, shot: Shot) -> Edit:
    """Two clips of one thing each, in different colours and mostly elsewhere on the picture, one of which is to turn into the other."""
    scene = pick(number, lambda one: len(one.objects) == 1 and crossing(one))
    known, aspect = act(scene, shot), shot.width / shot.height

    def differs(one: Scene) -> bool:
        if len(one.objects) != 1 or one.objects[0].colour == scene.objects[0].colour or not crossing(one):
            return False
        return bool(apart(known, act(one, shot), aspect).mean() > APART)

    scenes = (scene, pick(-1 - number, differs))
    (take, first), (goal, second) = (shoot(one, shot) for one in scenes)
    specs, third, half = [asked(one, shot) for one in scenes], shot.frames // 3, shot.frames // 2
    share = np.clip((np.arange(shot.frames) - third) / (shot.frames - 1 - 2 * third), 0, 1)
    weight = share**2 * (3 - 2 * share)  # begins and ends softly
    others = {
        RENDER: melted(take, goal, weight, shot),
        "dissolve": clip(dissolved(first.frames, second.frames, np.linspace(0, 1, shot.frames)), first),
        "cut": clip(np.concatenate([first.frames[:half], second.frames[half:]]), first),
    }
    sources = [
        Source(file="", sha256="", video=video, words=words(one, number)) for video, one in ((first, scenes[0]), (second, scenes[1]))
    ]

    def judged(made: Video) -> Findings:
        found: Findings = {
            "first": answers(look(clip(made.frames[:third], made)), specs[0]),
            "last": answers(look(clip(made.frames[-third:], made)), specs[1]),
        }
        found |= {"exposure": double_exposure(made, first, second), "together": shown_together(made, *specs)}
        return found | {"steps": seams.largest_step(made.frames)}

    given = np.where((np.arange(shot.frames) < half)[:, None, None, None], first.frames, second.frames)
    return Edit(request=Blend(first=sources[0], second=sources[1]), shot=shot, given=clip(given, first), others=others, judge=judged)
