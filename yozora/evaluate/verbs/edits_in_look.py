"""Cases of the verbs that keep the motion: a thing replaced, a wider picture, another look, a draft made large, a simulation painted."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from yozora.evaluate.finding import Findings
from yozora.evaluate.sight.detect import widened
from yozora.evaluate.sight.track import look
from yozora.evaluate.trails import engine_error, kept_by_place
from yozora.evaluate.truth import asked, film
from yozora.evaluate.verbs import borders, surface
from yozora.evaluate.verbs.edit import RENDER, Edit, clip, crossing, pick, plain, shoot, things, unused
from yozora.evaluate.verbs.exposures import answers
from yozora.evaluate.verbs.given import beats, kept_bits
from yozora.evaluate.verbs.retake import recoloured
from yozora.evaluate.verbs.seams import in_order
from yozora.tasks.fill import Fill
from yozora.tasks.finish import Finish
from yozora.tasks.generate import Generate
from yozora.tasks.outpaint import Outpaint
from yozora.tasks.request import Shot
from yozora.tasks.restyle import Restyle
from yozora.tasks.simulate import Simulate
from yozora.tasks.source import read_source
from yozora.vae.fill import fill as smooth
from yozora.video import Video
from yozora.world.parse import compose, parse
from yozora.world.scene import Scene
from yozora.world.sketch import sketch
from yozora.world.take import Take
from yozora.world.words import caption

REACH = 8  # pixels around a thing that is replaced, which its shadow may take
SMALLER = 2  # times, that a draft is


def fill(number: int, shot: Shot) -> Edit:
    """The thing that moves is masked, with some pixels around it, and is to come back in another colour."""
    scene = pick(number, crossing)
    take, true = shoot(scene, shot)
    old, (new, *_) = scene.objects[0].colour, unused(scene, number)
    changed = recoloured(take, {old: new})
    (other,) = film([changed], shot, torch.device("cpu"))
    region = around(things(take, shot) == 0)
    emptied = clip(smooth(true.frames, region, shot.beat), true)
    others = {RENDER: clip(np.where(region[..., None], other.frames, true.frames), true), "untouched": true, "smoothed over": emptied}
    prompt = caption(changed.scene, number).sentence

    shown = clip(np.where(region[..., None], np.uint8(0), true.frames), true)
    request = Fill(video=read_source(true), mask=read_source(white(region, true)), prompt=prompt)
    return Edit(request=request, shot=shot, given=shown, others=others, judge=within(region, true, changed, old, new))


def outpaint(number: int, shot: Shot) -> Edit:
    """The middle two thirds of a wide clip are given."""
    wide = replace(shot, width=shot.width * 3 // 4 * 2)
    scene = pick(
        number, lambda scene: scene.camera.kind in ("static", "pan", "tilt") and scene.objects[0].shape == "ball" and crossing(scene)
    )
    _, true = shoot(scene, wide)
    left = (wide.width - shot.width) // 2
    inside = np.zeros((wide.height, wide.width), bool)
    inside[:, left : left + shot.width] = True
    given = clip(true.frames[:, :, left : left + shot.width], true)
    spec, ball = asked(scene, wide), scene.objects[0].colour
    measurable = borders.roundness(look(true), ~inside, ball).passed
    repeated = np.pad(given.frames, ((0, 0), (0, 0), (left, wide.width - shot.width - left), (0, 0)), mode="edge")
    black = np.where(inside[..., None], true.frames, np.uint8(0))
    others = {
        RENDER: true,
        "border repeated": clip(repeated, true),
        "all stretched": given.resized(wide.width, wide.height),
        "black border": clip(black, true),
    }

    def judged(made: Video) -> Findings:
        kept, sight = kept_bits(true.frames, made.frames, np.broadcast_to(inside, made.frames.shape[:3])), look(made)
        found: Findings = {"inside": kept, "border": borders.border_seam(made, inside), "camera": borders.same_camera(sight, inside)}
        found["round"] = borders.roundness(sight, ~inside, ball) if measurable else None
        return found | {"words": answers(sight, spec)}

    request = Outpaint(video=read_source(given), prompt=caption(scene, number).sentence)
    return Edit(request=request, shot=wide, given=clip(black, true), others=others, judge=judged)


def restyle(number: int, shot: Shot) -> Edit:
    """All things are to have other colours, and to move as they did."""
    scene = pick(number, crossing)
    take, true = shoot(scene, shot)
    changed = recoloured(take, repainted_all(scene, number))
    (other,) = film([changed], shot, torch.device("cpu"))
    sight, spec = look(true), asked(changed.scene, shot)
    others = {RENDER: other, "untouched": true, "new, with its own motion": clip(other.frames[:, :, ::-1], true)}

    def judged(made: Video) -> Findings:
        seen = look(made)
        return {"track": kept_by_place(sight, seen), "words": answers(seen, spec), "order": in_order(made.frames)}

    request = Restyle(video=read_source(true), prompt=caption(changed.scene, number).sentence)
    return Edit(request=request, shot=shot, given=true, others=others, judge=judged)


def restyle_mask(number: int, shot: Shot) -> Edit:
    """One of two things is masked, and is to have another colour at its place, wherever it goes."""
    scene = pick(number, lambda one: len(one.objects) == 2 and crossing(one))
    take, true = shoot(scene, shot)
    old, (new, *_) = scene.objects[0].colour, unused(scene, number)
    changed = recoloured(take, {old: new})
    (other,), (all_new,) = (film([one], shot, torch.device("cpu")) for one in (changed, recoloured(take, repainted_all(scene, number))))
    region = around(things(take, shot) == 0)
    painted = clip(np.where(region[..., None], other.frames, true.frames), true)
    others = {RENDER: painted, "untouched": true, "all of it new": all_new}
    prompt = caption(changed.scene, number).sentence

    request = Restyle(video=read_source(true), mask=read_source(white(region, true)), prompt=prompt)
    return Edit(request=request, shot=shot, given=true, others=others, judge=within(region, true, changed, old, new))


def finish(number: int, shot: Shot) -> Edit:
    """A clip of half the size is given."""
    scene = pick(number, crossing)
    take, true = shoot(scene, shot)
    draft = true.resized(shot.width // SMALLER, shot.height // SMALLER)
    enlarged, drawn = draft.resized(shot.width, shot.height), things(take, shot) >= 0
    others = {RENDER: true, "enlarged by Lanczos": enlarged}

    def judged(made: Video) -> Findings:
        return {"closer": beats(true.frames, made.frames, enlarged.frames, drawn), "track": engine_error(take, look(made))}

    request = Finish(draft=read_source(draft), prompt=caption(scene, number).sentence)
    return Edit(request=request, shot=shot, given=enlarged, others=others, judge=judged)


def simulate(number: int, shot: Shot) -> Edit:
    """Words are given, and a physics engine does what they say."""
    prompt = caption(pick(number, lambda scene: plain(scene) and scene.family in ("roll", "push", "drop")), number).full
    scene: Scene = compose(parse(prompt), number)
    take, true = shoot(scene, shot)
    size = (shot.width, shot.height)
    drawn, known, spec = clip(sketch([take], size)[0].numpy(), true), surface.stage(take, size), asked(scene, shot)

    def judged(made: Video) -> Findings:
        sight = look(made)
        found: Findings = {"track": engine_error(take, sight, whatever=True), "words": answers(sight, spec)}
        found["shadow"] = surface.shadow(made, known)
        found["texture"] = surface.texture(made, known) if scene.floor.kind != "plain" else None
        found["shine"] = surface.shine(made, known) if bool(known.glossy.any()) else None
        return found

    request = Simulate(prompt=prompt, layout=number)
    rivals = {"words alone": Generate(prompt=prompt)}
    return Edit(
        request=request, shot=shot, given=drawn, others={RENDER: true, "the sketch": drawn}, judge=judged, rivals=rivals, halved="track"
    )


def within(region: np.ndarray, true: Video, changed: Take, old: str, new: str) -> Callable[[Video], Findings]:
    """How to judge a thing that is exchanged for another within a region, and moves as before."""

    def judged(made: Video) -> Findings:
        sight = look(made)
        found: Findings = {"outside": kept_bits(true.frames, made.frames, ~region), "replaced": borders.replaced(sight, region, new, old)}
        return found | {"track": engine_error(changed, sight)}

    return judged


def repainted_all(scene: Scene, number: int) -> dict[str, str]:
    """Another colour for each of a scene."""
    return dict(zip([body.colour for body in scene.objects], unused(scene, number)))


def white(region: np.ndarray, like: Video) -> Video:
    """A mask `bool[time height width]` as a clip, white where it holds."""
    return clip(np.repeat(np.where(region, np.uint8(255), np.uint8(0))[..., None], 3, axis=3), like)


def around(mask: np.ndarray) -> np.ndarray:
    """A mask `bool[time height width]` with some pixels more on all sides."""
    return widened(torch.from_numpy(mask), 2 * REACH + 1).numpy()
