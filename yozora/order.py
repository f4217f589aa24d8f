"""A request becomes an order: checked and complete, before any weights are loaded."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from yozora.canvas import Canvas
from yozora.model import Habits, cell_of, check_loras, check_quality, find, habits_of, sizes_of
from yozora.plan import check_pixels
from yozora.quality import MORE, Quality
from yozora.tasks.request import Request, Shot
from yozora.tasks.settings import Sampler, Settings
from yozora.tasks.source import sources

DISTILLED, DISTILLED_SHIFT = 4, 5.0  # steps of Wan's weights that were taught to make do with few, and where they were taught
ASKED = ("steps", "guidance", "negative", "sampler", "shift")  # what a request may say of the sampling
MOST = 4  # times the longest trained clip that a request may ask for


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How noise becomes data: solver steps, guidance and the levels at which it is at work, and words to steer away from.

    Steps renew as much of the noise as `eta` says (`flow/stochastic.py`), and are those of UniPC where that is none. A `student` takes the
    leaps that it has learned, however high a canvas begins, all but the first `restarts` times more where it begins with nothing but
    noise. What is larger than anything that the model has seen `drafts` makes small first, then at its size. A `sampler` and a `shift`
    of the times take the place of those that a model is used with.
    """

    steps: int
    guidance: float
    guided: tuple[float, float] = (0.0, 1.0)
    negative: str = ""
    eta: float = 0.0
    student: bool = False
    restarts: int = 0
    drafts: bool = True
    guidance_low: float | None = None
    sampler: Sampler | None = None
    shift: float | None = None

    def scales(self, boundary: float) -> Iterator[tuple[float, tuple[float, float]]]:
        """How strong guidance is, and between which levels; below the `boundary` of a model `guidance_low`, where there is one."""
        lowest, highest = self.guided
        if self.guidance_low is None or not boundary:
            yield self.guidance, self.guided
        else:
            yield self.guidance, (max(lowest, boundary), highest)
            yield self.guidance_low, (lowest, float(np.nextafter(np.float32(boundary), np.float32(0))))

    @classmethod
    def by(cls, habits: Habits, quality: Quality = "standard", leaps: int = 0) -> "Sampling":
        """As a model of such habits, whose student takes so many leaps, is used unless the request says otherwise."""
        if quality == "fast":
            return cls(steps=leaps, guidance=1.0, student=True, restarts=habits.restarts)
        steps = habits.steps * (MORE if quality == "best" else 1)
        return cls(steps=steps, guidance=habits.guidance, guided=habits.guided, eta=habits.eta, guidance_low=habits.guidance_low)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request, checked and complete, before any weights are loaded: `settings` leave nothing open, `canvas` is what is to be met."""

    request: Request
    settings: Settings
    sampling: Sampling
    canvas: Canvas

    @property
    def fps(self) -> float | int:
        """Frames a second of what is returned."""
        return self.settings.fps or self.canvas.given.fps


def prepare(request: Request, settings: Settings) -> Order:
    """Fill in what a request leaves open, and lay out its canvas; raises ValueError for what cannot be met, warns of what changes."""
    folder = find(settings.model)
    habits = habits_of(folder)
    leaps = check_quality(folder, settings.quality)
    check_loras(settings.lora, sizes_of(folder), experts=bool(habits.boundary))
    shot, sampling = resolve(request, settings, habits, cell_of(folder)[0], leaps)
    check_pixels((shot.width, shot.height), known(request, shot) + request.invents(shot), habits.trained.frames[1])
    canvas = request.canvas(shot)
    if habits.pictures and canvas.start.min() == 1:
        raise ValueError(f"{folder.name} begins from a picture, and nothing is given; try yozora animate, or weights that begin from words")
    size = (canvas.given.width, canvas.given.height)
    settled = replace(settings, size=size)
    if settings.quality != "fast":
        guidance = settings.guidance if sampling.guidance_low is not None else sampling.guidance  # of two none says both
        settled = replace(settled, steps=sampling.steps, guidance=guidance)
    if "frames" not in request.without:
        settled = replace(settled, frames=shot.frames, seconds=None)
    return Order(request=request, settings=settled, sampling=sampling, canvas=canvas)


def known(request: Request, shot: Shot) -> int:
    """How many frames a request gives at a shot's rate, its pictures and masks included."""
    return sum(1 if one.video.num_frames == 1 else round(one.video.seconds * shot.fps) for one in sources(request))


def resolve(request: Request, settings: Settings, habits: Habits, beat: int, leaps: int = 0) -> tuple[Shot, Sampling]:
    """What a request leaves out is filled from what it gives and from a model's habits; raises ValueError above the model's limit.

    Without a size, a clip takes that of what is given if the model has seen such, else the nearest of its shape.
    """
    for name, instead in request.without.items():
        if getattr(settings, name) is not None:
            raise ValueError(f"{type(request).__name__.lower()} {instead}; leave out --{name}")
    given = request.given()
    width, height = settings.size or (suited((given.width, given.height), habits) if given else habits.size)
    seconds = habits.seconds if settings.seconds is None else settings.seconds
    limit = MOST * habits.trained.frames[1]
    frames = settings.frames or max(1, round(min(seconds * habits.fps, limit + 1)))
    if frames > limit:
        asked = f"{settings.frames} frames" if settings.frames else f"{seconds:g} seconds"
        raise ValueError(f"{asked} are too long; this model makes at most {limit / habits.fps:g} seconds, {limit} frames")
    low, high = habits.trained.sides
    if not low <= min(width, height) <= max(width, height) <= high:
        said = f"{width}x{height} lies outside what the model was trained on: sides of {low} to {high} pixels; expect a worse clip"
        warnings.warn(said, stacklevel=2)
    if frames > (seen := habits.trained.frames[1]):
        warnings.warn(f"{frames} frames are more than the {seen} that the model was trained on; it makes them in windows", stacklevel=2)
    asked = {name: value for name in ASKED if (value := getattr(settings, name)) is not None}
    shot = Shot(width=width, height=height, frames=frames, fps=habits.fps, beat=beat, most=limit)
    if "guidance" in asked:
        asked["guidance_low"] = None  # what is asked holds at all levels
    sampling = Sampling.by(habits, settings.quality, leaps)
    if settings.distilled:
        sampling = distilled(habits)
    return shot, replace(sampling, **asked)


def distilled(habits: Habits) -> Sampling:
    """How weights are used that were taught to make do with few steps: one network by jumps, two experts by steps of Euler."""
    shift = DISTILLED_SHIFT if habits.schedule.shift else None
    return Sampling(steps=DISTILLED, guidance=1.0, sampler="euler" if habits.boundary else "renoise", shift=shift)


def suited(size: tuple[int, int], habits: Habits) -> tuple[int, int]:
    """The size in which a model takes up a picture of `size` (width, height): its own where the model has seen such, made even."""
    width, height = size
    if max(size) <= habits.trained.sides[1]:
        return max(2, width - width % 2), max(2, height - height % 2)
    scale = math.sqrt(math.prod(habits.size) / (width * height))
    scale = min(scale, habits.trained.sides[1] / max(size))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
