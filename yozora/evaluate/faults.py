"""Faults put into clips on purpose, each of which some metric must catch."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from yozora.evaluate.spec import spec_of
from yozora.evaluate.trails import project
from yozora.video import Video
from yozora.world.scene import COLOURS, SHAPES
from yozora.world.stage import half
from yozora.world.take import Solid, Take

SWOLLEN = 1.5  # times
BELOW = (0.0, 0.0, -100.0)  # metres, where nothing is seen


def recolour(take: Take, rng: np.random.Generator, victims: Sequence[int] = ()) -> Take:
    """An object, or a row of slabs, in a colour that nothing has; `victims` says which."""
    colour = COLOURS[str(rng.choice(_unused(take)))]
    return _changed(take, victims or _victims(take, rng), lambda solid: replace(solid, colour=colour))


def reshape(take: Take, rng: np.random.Generator, victims: Sequence[int] = ()) -> Take:
    """An object, or a row of slabs, in a shape that nothing has; `victims` says which."""
    bodies, victims = take.scene.objects, victims or _victims(take, rng)
    unused = [shape for shape in SHAPES if shape not in {body.shape for body in bodies}]
    others = unused or [shape for shape in SHAPES if shape != bodies[victims[0]].shape]
    shape = str(rng.choice(others))
    return _changed(take, victims, lambda solid: replace(solid, shape=shape, half=half(shape, bodies[victims[0]].size)))


def swell(take: Take, rng: np.random.Generator, victims: Sequence[int] = ()) -> Take:
    """An object, or a row of slabs, half as large again; `victims` says which."""
    return _changed(take, victims or _victims(take, rng), lambda solid: replace(solid, half=tuple(SWOLLEN * side for side in solid.half)))


def vanish(take: Take, rng: np.random.Generator) -> Take:
    """An object, or a row of slabs, is gone from the middle of the clip on."""
    position = take.poses.position.copy()
    position[len(position) // 2 :, _victims(take, rng)] = BELOW
    return replace(take, poses=replace(take.poses, position=position))


def remove(take: Take, rng: np.random.Generator, victims: Sequence[int] = ()) -> Take:
    """An object, or a row of slabs, was never there; `victims` says which."""
    position = take.poses.position.copy()
    position[:, list(victims or _victims(take, rng))] = BELOW
    return replace(take, poses=replace(take.poses, position=position))


def clear(take: Take, rng: np.random.Generator) -> Take:
    """The floor alone."""
    position = np.broadcast_to(np.array(BELOW, np.float32), take.poses.position.shape)
    return replace(take, poses=replace(take.poses, position=position.copy()), trails=())


def add(take: Take, rng: np.random.Generator) -> Take:
    """One more object that stands still, where the picture has most room; its colour is another's if that is no row's."""
    spec = spec_of(take.scene)
    bodies = [body for body, asked in zip(take.scene.objects, spec.objects, strict=True) if len(spec.of(body.colour)) == 1]
    colour = bodies[0].colour if bodies else str(rng.choice(_unused(take)))
    solid = Solid(shape="ball", half=half("ball", "medium"), colour=COLOURS[colour], material="matte")
    at = _room(take, solid.half[0])
    poses, count = take.poses, len(take.scene.objects)
    still = np.broadcast_to(at, (len(poses.position), 1, 3)).astype(np.float32)
    nothing = np.zeros_like(still)
    upright = np.broadcast_to(np.eye(3, dtype=np.float32), (len(still), 1, 3, 3))
    added = replace(
        poses,
        position=_insert(poses.position, still, count),
        rotation=_insert(poses.rotation, upright, count),
        velocity=_insert(poses.velocity, nothing, count),
        spin=_insert(poses.spin, nothing, count),
    )
    return replace(take, solids=(*take.solids[:count], solid, *take.solids[count:]), poses=added)


def teleport(take: Take, rng: np.random.Generator) -> Take:
    """An object is elsewhere, from one frame to the next, from the middle of the clip on."""
    position, victims = take.poses.position.copy(), _victims(take, rng)
    middle, radius = len(position) // 2, max(take.solids[victims[0]].half)
    position[middle:, victims] += _room(take, radius) * (1, 1, 0) - position[middle, victims[0]] * (1, 1, 0)
    return replace(take, poses=replace(take.poses, position=position.astype(np.float32)))


def slow(take: Take, rng: np.random.Generator) -> Take:
    """Half of gravity: all that happens takes as much longer as it would on such a planet, under the same camera."""
    frames = len(take.poses.position)
    when = np.arange(frames) / np.sqrt(2)
    before, part = when.astype(int), (when % 1)[:, None, None]
    after = np.minimum(before + 1, frames - 1)
    position = take.poses.position[before] * (1 - part) + take.poses.position[after] * part
    rotation = take.poses.rotation[np.rint(when).astype(int)]
    return replace(take, poses=replace(take.poses, position=position.astype(np.float32), rotation=rotation))


def stop(take: Take, rng: np.random.Generator) -> Take:
    """From the middle of the clip on all bodies stay where they are, under a camera that goes on."""
    count = len(take.poses.position)
    order = np.minimum(np.arange(count), count // 2)
    return replace(take, poses=replace(take.poses, position=take.poses.position[order], rotation=take.poses.rotation[order]))


def undo(take: Take, rng: np.random.Generator) -> Take:
    """From the middle of the clip on all bodies go back the way they came, under a camera that goes on."""
    count = len(take.poses.position)
    order = np.minimum(np.arange(count), count - 1 - np.arange(count))
    return replace(take, poses=replace(take.poses, position=take.poses.position[order], rotation=take.poses.rotation[order]))


def gone(take: Take, rng: np.random.Generator) -> Take:
    """From the middle of the clip on nothing is left of what an event changes."""
    colours = {COLOURS[change.colour] for change in spec_of(take.scene).changes}
    position = take.poses.position.copy()
    position[len(position) // 2 :, [solid.colour in colours for solid in take.solids]] = BELOW
    return replace(take, poses=replace(take.poses, position=position))


def erase(take: Take, rng: np.random.Generator) -> Take:
    """Nothing is painted."""
    return replace(take, trails=())


def backward(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The last frame first."""
    return np.ascontiguousarray(frames[::-1])


def mirror(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Left and right exchanged."""
    return np.ascontiguousarray(frames[:, :, ::-1])


def freeze(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The first frame over and over."""
    return np.repeat(frames[:1], len(frames), axis=0)


def shuffle(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The frames in any order."""
    return frames[rng.permutation(len(frames))]


def tremble(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The light changes by a hundredth from frame to frame."""
    light = 1 + 0.01 * rng.standard_normal((len(frames), 1, 1, 1))
    return np.rint(frames * light).clip(0, 255).astype(np.uint8)


def wobble(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All of the picture sways by up to three pixels, here and there differently."""
    time, row, column = np.mgrid[: len(frames), : frames.shape[1], : frames.shape[2]]
    shift = 3 * np.sin(column / 9 + time) * np.cos(row / 7 - 1.3 * time)
    return frames[time, row, np.clip(column + np.rint(shift).astype(int), 0, frames.shape[2] - 1)]


def narrow(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture is narrower by a fifth, and its borders are repeated."""
    width = frames.shape[2]
    column = np.arange(width)
    return frames[:, :, np.clip(np.rint((column - width / 2) * 1.25 + width / 2).astype(int), 0, width - 1)]


def enlarge(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Only the middle of the picture, twice as large."""
    height, width = frames.shape[1:3]
    return frames[:, height // 4 + np.arange(height)[:, None] // 2, width // 4 + np.arange(width) // 2]


def empty(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nothing but one grey."""
    return np.full_like(frames, 128)


def bars(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black bars above and below."""
    barred, high = frames.copy(), frames.shape[1] // 8
    barred[:, :high] = barred[:, -high:] = 0
    return barred


Frames = UInt8[np.ndarray, "time height width 3"]

WORLD_FAULTS: tuple[Callable[[Take, np.random.Generator], Take], ...] = (recolour, reshape, vanish, add, teleport, stop, clear)
LATER = (recolour, reshape, swell, remove)  # faults that may also come about while the clip runs
PIXEL_FAULTS: tuple[Callable[[Frames, np.random.Generator], Frames], ...] = (
    mirror,
    freeze,
    shuffle,
    tremble,
    wobble,
    narrow,
    enlarge,
    bars,
    empty,
)
UNDONE, ERASED = ("tower", "break", "pour", "seesaw"), ("paint",)  # kinds of event that bodies or floors could go back on
EITHER_WAY = ("seesaw",)  # what is thrown lands, and backward it is thrown from where it landed


def spoilt_change(take: Take, clip: Video, film: Callable[[Take], Video]) -> list[tuple[str, Video]]:
    """Clips, by name, in which what is changed for good is undone; none where nothing is changed."""
    kinds, rng = {event.kind for event in take.scene.events}, np.random.default_rng(0)
    middle = len(clip.frames) // 2
    found = [(fault.__name__, film(fault(take, rng))) for fault in (undo, gone) if kinds & {*UNDONE}]
    if kinds & {*ERASED}:
        unpainted = film(erase(take, rng)).frames
        found.append(("erase", replace(clip, frames=np.concatenate([clip.frames[:middle], unpainted[middle:]]))))
    if kinds & {*UNDONE, *ERASED} - {*EITHER_WAY}:
        found.append(("backward", replace(clip, frames=backward(clip.frames, rng))))
    return found


def _unused(take: Take) -> list[str]:
    return [colour for colour in COLOURS if colour not in {body.colour for body in take.scene.objects}]


def _victims(take: Take, rng: np.random.Generator) -> list[int]:
    """Objects that are in sight all the time: one, or all slabs of a row, or the actor where there is nothing else."""
    asked = spec_of(take.scene).objects
    sure = [i for i, one in enumerate(asked) if not one.veiled]
    index = int(rng.choice(sure)) if sure else 0
    bodies = take.scene.objects
    return [i for i, body in enumerate(bodies) if (body.colour, body.shape) == (bodies[index].colour, bodies[index].shape)]


def _changed(take: Take, victims: Sequence[int], change: Callable[[Solid], Solid]) -> Take:
    return replace(take, solids=tuple(change(solid) if i in victims else solid for i, solid in enumerate(take.solids)))


def _room(take: Take, radius: float) -> np.ndarray:
    """A place on the floor that is in the picture in every frame, as far from all objects in the picture as can be."""
    x, y = np.meshgrid(np.linspace(-3, 3, 25), np.linspace(-2, 3, 21))
    spots = np.stack([x.ravel(), y.ravel(), np.full(x.size, radius)], axis=-1)
    free, size = project(take, np.broadcast_to(spots, (len(take.poses.position), *spots.shape)))
    taken, sizes = project(take, take.poses.position)
    gap = np.linalg.norm(free[:, :, None] - taken[:, None], axis=-1) - radius * size[:, :, None] - 2 * radius * sizes[:, None]
    inside = (np.abs(free) + radius * size[..., None] < 0.92).all((0, 2))
    return spots[int(np.where(inside, gap.min((0, 2)), -np.inf).argmax())]


def _insert(values: np.ndarray, new: np.ndarray, at: int) -> np.ndarray:
    return np.concatenate([values[:, :at], new, values[:, at:]], axis=1)
