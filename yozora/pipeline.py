"""The pipeline: task -> canvas -> place -> solve -> decode."""

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yozora import __version__
from yozora.canvas import Canvas, Grid, tokens_heard
from yozora.flow.guidance import guided
from yozora.flow.path import draw_noise, mix
from yozora.flow.schedule import cut, shift_for, times_for
from yozora.flow.solver import states, unipc
from yozora.model import Habits, Model, find, habits_of, load
from yozora.patches import Words, pack, patchify, unpatchify
from yozora.plan import check_memory, choose_device, choose_dtype
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Request, Settings, Shot
from yozora.vae.pixels import to_frames
from yozora.vae.place import crop, paste, place, token_start
from yozora.vae.tiles import Tiling, decode_tiled, in_tiles
from yozora.video import Video

Progress = Callable[[str, int, int], None]  # stage, steps done, steps in all
MOST = 4  # times the longest trained clip that a request may ask for


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How noise becomes data: solver steps, guidance and the levels at which it is at work, and words to steer away from."""

    steps: int
    guidance: float
    guided: tuple[float, float] = (0.0, 1.0)
    negative: str = ""

    @classmethod
    def by(cls, habits: Habits) -> "Sampling":
        """As a model is used unless the request says otherwise."""
        return cls(steps=habits.steps, guidance=habits.guidance, guided=habits.guided)


def generate(prompt: str, **settings: Any) -> Video:
    """Make one video from words; settings are the fields of `Settings` (size, seconds, fps, seed, steps, guidance, ...).

    Raises ValueError for settings that make no sense or do not fit, with the remedy; warns of unknown words and of sizes
    outside the trained range.
    """
    chosen = Settings(**settings)
    if chosen.count != 1:
        raise ValueError(f"generate makes one video, not {chosen.count}; call it with each seed, or use yozora.pipeline.perform")
    ((video, _),) = perform(Generate(prompt=prompt), chosen)
    return video


def perform(request: Request, settings: Settings, progress: Progress = lambda *_: None) -> Iterator[tuple[Video, dict[str, str]]]:
    """Carry out a request: one clip for each of `settings.count` seeds as it is finished, and what made it."""
    habits = habits_of(find(settings.model))
    shot, sampling = resolve(settings, habits)
    device = choose_device()
    model = load(settings.model, device, choose_dtype(device))
    canvas = request.canvas(shot)
    for text in (settings.negative, *(cue.text for cue in canvas.script)):
        for complaint in model.text.unheard(text):
            warnings.warn(complaint, stacklevel=2)
    for seed in range(settings.seed, settings.seed + settings.count):
        (video,) = render([canvas], [seed], sampling, model, progress)
        asked = asdict(request) | asdict(settings) | asdict(shot) | asdict(sampling) | {"seed": seed, "count": 1}
        facts = {"yozora": __version__, "model": f"{model.name} {model.digest}", "request": json.dumps(asked)}
        yield video.resampled(settings.fps or shot.fps), facts


@torch.inference_mode()
def render(
    canvases: Sequence[Canvas], seeds: Sequence[int], sampling: Sampling, model: Model, progress: Progress = lambda *_: None
) -> list[Video]:
    """Make a clip of every canvas; each depends on its own seed alone.

    Those that take the same steps are segments of one packed sequence: they have equally many tokens, and begin equally high.
    """
    grids = [grid_of(canvas, model) for canvas in canvases]
    for grid in grids:
        check_memory(grid, model.transformer.config, model.vae.config, next(model.transformer.parameters()).device)
    kinds = [(grid.num_tokens, float(token_start(canvas.start, grid).max())) for canvas, grid in zip(canvases, grids, strict=True)]
    videos: dict[int, Video] = {}
    for kind in dict.fromkeys(kinds):
        alike = [index for index, other in enumerate(kinds) if other == kind]
        made = _render_alike([canvases[index] for index in alike], [seeds[index] for index in alike], sampling, model, progress)
        videos |= zip(alike, made, strict=True)
    return [videos[index] for index in range(len(canvases))]


def _render_alike(
    canvases: Sequence[Canvas], seeds: Sequence[int], sampling: Sampling, model: Model, progress: Progress
) -> Iterator[Video]:
    """Clips of canvases that take the same steps."""
    grids = [grid_of(canvas, model) for canvas in canvases]
    placed = [place(model.vae, canvas, grid) for canvas, grid in zip(canvases, grids, strict=True)]
    tokens = pack([patchify(one.latents.float(), grid.patch) for one, grid in zip(placed, grids, strict=True)])
    start = torch.cat([one.start.flatten() for one in placed])
    noise = draw_noise(seeds, tokens.lengths, tokens.values.shape[1]).to(tokens.values)
    state = mix(tokens.values, noise, start)

    denoiser = model.transformer
    if sampling.guidance != 1:
        against = hear([(sampling.negative,)] * len(grids), [(grid.num_tokens,) for grid in grids], model)
        denoiser = guided(denoiser, against, sampling.guidance, sampling.guided)
    scripts = [cues(canvas, grid) for canvas, grid in zip(canvases, grids, strict=True)]
    words = hear([texts for texts, _ in scripts], [heard for _, heard in scripts], model)
    schedule = cut(times_for(sampling.steps, shift_for(tokens.lengths[0])), float(start.max()))

    def velocity(x: Tensor, level: Tensor) -> Tensor:
        return denoiser(replace(tokens, values=x), level, words)

    for step, reached in enumerate(states(velocity, state, start, schedule, unipc), 1):
        state = reached
        progress("denoise", step, len(schedule) - 1)
    for canvas, grid, values in zip(canvases, grids, state.split(tokens.lengths), strict=True):
        yield decode(canvas, grid, values, model, progress)


def grid_of(canvas: Canvas, model: Model) -> Grid:
    """The grid of a canvas for a model."""
    frames, height, width = canvas.given.frames.shape[:3]
    return Grid(frames=frames, height=height, width=width, cell=model.vae.config.cell, patch=model.transformer.config.patch)


def cues(canvas: Canvas, grid: Grid) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The texts of a canvas that some token hears, and by how many tokens each is heard."""
    heard = tokens_heard(canvas.script, grid, canvas.given.fps)
    spoken = [(cue.text, count) for cue, count in zip(canvas.script, heard, strict=True) if count]
    return tuple(text for text, _ in spoken), tuple(count for _, count in spoken)


def hear(texts: Sequence[tuple[str, ...]], heard: Sequence[tuple[int, ...]], model: Model) -> Words:
    """Words of many clips, read once and prepared for all steps."""
    states, lengths = model.text.encode([text for clip in texts for text in clip])
    return model.transformer.prepare(Words(states=states, lengths=lengths, tokens=tuple(count for clip in heard for count in clip)))


def decode(canvas: Canvas, grid: Grid, values: Tensor, model: Model, progress: Progress) -> Video:
    """Tokens to pixels, cell by cell; pixels that were given come back as they were."""
    latents = unpatchify(values, grid.cells, grid.patch)[None].to(next(model.vae.parameters()).dtype)
    parts = decode_tiled(model.vae, latents, Tiling()) if in_tiles(grid) else model.vae.decode_stream(latents)
    frames = []
    for cell, part in enumerate(parts, 1):
        frames.append(to_frames(part[0]).cpu().numpy())
        progress("decode", cell, grid.cells[0])
    return Video(frames=paste(crop(np.concatenate(frames), grid), canvas), fps=canvas.given.fps)


def resolve(settings: Settings, habits: Habits) -> tuple[Shot, Sampling]:
    """What a request leaves out is filled from a model's habits; raises ValueError above the model's limit."""
    width, height = settings.size or habits.size
    seconds = habits.seconds if settings.seconds is None else settings.seconds
    limit = MOST * habits.trained.frames[1]
    frames = settings.frames or max(1, round(min(seconds * habits.fps, limit + 1)))
    if frames > limit:
        asked = f"{settings.frames} frames" if settings.frames else f"{seconds:g} seconds"
        raise ValueError(f"{asked} are too long; this model makes at most {limit / habits.fps:g} seconds, {limit} frames")
    sides, lengths = habits.trained.sides, habits.trained.frames
    if not sides[0] <= min(width, height) <= max(width, height) <= sides[1] or not lengths[0] <= frames <= lengths[1]:
        warnings.warn(
            f"{width}x{height} with {frames} frames lies outside what the model was trained on: sides of {sides[0]} to "
            f"{sides[1]} pixels, {lengths[0]} to {lengths[1]} frames at {habits.fps:g} fps; expect a worse clip",
            stacklevel=2,
        )
    asked = {name: value for name in ("steps", "guidance", "negative") if (value := getattr(settings, name)) is not None}
    return Shot(width=width, height=height, frames=frames, fps=habits.fps), replace(Sampling.by(habits), **asked)
