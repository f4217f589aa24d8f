"""What a training clip may have been before it was repainted: a sketch of it, a draft of it, or the same motion in another look."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from yozora.train.draws import numpy_generator
from yozora.video import Video
from yozora.world.heldout import reserved
from yozora.world.render import render
from yozora.world.sample import choice, light
from yozora.world.scene import COLOURS, FLOORS, MATERIALS, STYLES, UNPAINTED, Scene
from yozora.world.sketch import sketch
from yozora.world.take import Take

REPAINTED, FIRST = 3, 1  # of every so many clips one, the second, is repainted
KINDS = ("sketch", "remake", "draft", "remake")  # in turn
DRAFTED = 2  # times as small as the clip


def repainted(number: int) -> bool:
    """Whether training clip `number` has something to be repainted from."""
    return number % REPAINTED == FIRST


def before(
    seed: int, numbers: Sequence[int], takes: Sequence[Take], frames: UInt8[Tensor, "clip time height width 3"]
) -> UInt8[Tensor, "repainted time height width 3"]:
    """What the repainted among clips `numbers` were before, in their order; the clip is a pure function of its seed and number."""
    height, width = frames.shape[2:4]
    found = torch.empty((sum(map(repainted, numbers)), *frames.shape[1:]), dtype=torch.uint8, device=frames.device)
    for row, index in enumerate(index for index, number in enumerate(numbers) if repainted(number)):
        number = numbers[index]
        kind = KINDS[number // REPAINTED % len(KINDS)]
        if kind == "sketch":
            found[row] = sketch([takes[index]], (width, height), frames.device)[0]
        elif kind == "remake":
            take = remake(takes[index], numpy_generator(seed, number, "remake"))
            found[row] = render([take], (width, height), frames.device).frames[0]
        else:
            clip = Video(frames[index].cpu().numpy(), 1.0)
            draft = clip.resized(width // DRAFTED, height // DRAFTED).resized(width, height)
            found[row] = torch.from_numpy(draft.frames).to(found)
    return found


def remake(take: Take, rng: np.random.Generator) -> Take:
    """The same motion in another look: colours, materials, floor, light and style drawn anew until the scene may be trained on.

    Pieces, grains and trails are of the colour of what they come from.
    """
    while reserved(scene := relit(take.scene, rng)) or unpainted(scene):
        pass
    looks = {COLOURS[was.colour]: (COLOURS[now.colour], now.material) for was, now in zip(take.scene.objects, scene.objects, strict=True)}
    solids = []
    for solid in take.solids:
        colour, material = looks.get(solid.colour, (solid.colour, solid.material))
        solids.append(replace(solid, colour=colour, material=material))
    trails = tuple(replace(trail, colour=looks[trail.colour][0]) for trail in take.trails)
    return replace(take, scene=scene, solids=tuple(solids), trails=trails)


def unpainted(scene: Scene) -> bool:
    """Whether something would leave a trail that looks like light or shadow."""
    return any(event.kind == "paint" and scene.objects[event.actor].colour in UNPAINTED for event in scene.events)


def relit(scene: Scene, rng: np.random.Generator) -> Scene:
    """A scene under other light, on another floor, in other colours and materials; what was equal stays equal."""
    colours = dict(zip(COLOURS, rng.permutation(list(COLOURS)).tolist(), strict=True))
    materials = {colour: choice(rng, MATERIALS) for colour in COLOURS}
    bodies = (replace(body, colour=colours[body.colour], material=materials[body.colour]) for body in scene.objects)
    floor = replace(scene.floor, kind=choice(rng, FLOORS), seed=int(rng.integers(2**31)))
    return replace(scene, objects=tuple(bodies), floor=floor, light=light(rng), style=choice(rng, STYLES, (5, 1, 1, 1, 1, 1)))
