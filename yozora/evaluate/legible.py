"""Whether a picture of a scene can show what a caption of it asks for, by the engine alone: nothing here looks through the detectors."""

import numpy as np
from jaxtyping import Int

from yozora.evaluate.sight.detect import SIDE, SMALLEST
from yozora.evaluate.spec import VEILED, spec_of
from yozora.evaluate.trails import clear
from yozora.tasks.request import Shot
from yozora.world.render import Look, render
from yozora.world.scene import Scene, row
from yozora.world.take import Take

PALE = ("white", "black")  # colours that are mistaken for floor, sky or shadow
SEEN = 0.85  # of the frames, in which each thing must show
SHOWN = 6.0  # times the smallest area that is looked at, that a thing must show
HALF = 0.5  # of its largest area, that a thing must show to be well seen
GONE, AROUND = 2, 4  # frames for which what is to be hidden shows nothing at all, and frames in which it shows on either side


def plain(scene: Scene) -> bool:
    """Whether a scene looks natural and has no white or black things."""
    return scene.style == "natural" and not any(body.colour in PALE for body in scene.objects)


def legible(scene: Scene, take: Take, shot: Shot) -> bool:
    """Whether a scene is plain, and each of its things is seen as a caption has it: always, or before and after."""
    if not plain(scene):
        return False
    if scene.camera.kind == "orbit" and any(event.kind == "topple" for event in scene.events):
        return False  # what has fallen seems to go on as its long outline turns
    areas, alone = visible(take, shot), clear(take, shot.width / shot.height)[1]
    rows = [row(scene, event) for event in scene.events if event.kind in ("topple", "tower")]
    among, behind = {i for one in rows for i in one}, {i for one in rows for i in one[1:]}
    away = {event.actor for event in scene.events if event.kind in VEILED}
    for index, (asked, area) in enumerate(zip(spec_of(scene).objects, areas.T, strict=True)):
        if index in behind or (asked.veiled and index not in away):  # slabs and cubes cover one another, and pieces are elsewhere
            continue
        shown = area >= max(SHOWN * SMALLEST * shot.width * shot.height / SIDE**2, (index not in among) * HALF * area.max())
        like = [other.colour for other in scene.objects].count(asked.colour)
        if like > 1 and index not in among and not asked.veiled and alone[:, index].mean() < SEEN:  # they would be one region
            return False
        if asked.veiled and (like > 1 or not comes_back(area)):
            return False
        if not asked.veiled and shown.mean() < SEEN:
            return False
    return True


def comes_back(area: Int[np.ndarray, " time"]) -> bool:
    """Whether a thing of some visible area is well seen, then not at all, and then again."""
    large, gone = np.flatnonzero(area >= HALF * area.max()), np.flatnonzero(area == 0)
    if len(gone) < GONE or not len(large):
        return False
    inside = gone[(gone > large[0]) & (gone < large[-1])]
    if len(inside) < GONE:
        return False
    return bool((large < inside[0]).sum() >= AROUND and (large > inside[-1]).sum() >= AROUND)


def visible(take: Take, shot: Shot) -> Int[np.ndarray, "time object"]:
    """How many pixels each object shows in each frame."""
    masks = render([take], (shot.width, shot.height), look=Look(shadows=False, textures=False)).masks[0].numpy()
    return np.stack([(masks == index).sum((1, 2)) for index in range(len(take.scene.objects))], axis=1)
