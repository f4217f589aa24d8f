"""The pipeline: task -> canvas -> place -> solve -> decode."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from yozora import __version__
from yozora.canvas import Canvas, Grid, Kept, tokens_heard
from yozora.flow.denoisers import in_whole_steps, rolled, shared_level
from yozora.flow.guidance import guided
from yozora.flow.path import draw_noise, mix
from yozora.flow.schedule import cut as cut_at
from yozora.flow.solver import Step, euler, states, unipc
from yozora.flow.stochastic import renewing, renoising, restarting
from yozora.made import Made
from yozora.model import Habits, Model, Ways, cell_of, find, habits_of, load, sizes_of, with_loras
from yozora.order import Order, Sampling, suited
from yozora.patches import Denoiser, Tokens, Words, pack, patchify, unpatchify
from yozora.plan import affordable, check_memory, choose_device, choose_dtype
from yozora.room import is_out_of_memory, make_room
from yozora.tasks.note import note
from yozora.tasks.source import covering
from yozora.tasks.strength import SUBTLE
from yozora.transformer.denoisers import beside
from yozora.transformer.model import Beside
from yozora.vae.pixels import to_frames
from yozora.vae.place import condition, crop, moved, pixels_of, place, reuse, token_start
from yozora.vae.seam import paste
from yozora.vae.tiles import decode_tiled, tiling_of
from yozora.video import Video
from yozora.windows import cut, next_window, own, put_back

Progress = Callable[[str, int, int], None]  # stage, steps done, steps in all


def perform(order: Order, progress: Progress = lambda *_: None) -> Iterator[Made]:
    """Carry out a request: one clip for each of its seeds, as it is finished.

    Where memory runs out, it is tried once more in the next cheaper way; raises MemoryError where that does not help.
    """
    settings = order.settings
    ways, *cheaper = affordable(find(settings.model), largest_window(order), choose_device())
    model, complained = None, False
    for seed in range(settings.seed, settings.seed + settings.count):
        canvas = None
        while canvas is None:
            try:
                model = model or opened(order, ways)
                complained = complained or complain(order, model)
                (canvas,) = meet([order.canvas], [seed], order.sampling, model, progress)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if not cheaper:
                    raise MemoryError(
                        f"the memory does not suffice, not even with {ways}; ask for a smaller size or fewer seconds"
                    ) from error
                warnings.warn(f"the memory did not suffice; tried once more with {cheaper[0]}", stacklevel=2)
                model, ways, cheaper = None, cheaper[0], []
            if canvas is None:
                make_room(choose_device())  # only now nothing refers to what was there
        assert model
        asked = note(order.request, replace(settings, seed=seed, count=1))
        words = ", then ".join(dict.fromkeys(cue.text for cue in canvas.script if cue.text))
        facts = {"yozora": __version__, "model": f"{model.name} {model.digest}", "words": words, "request": asked}
        facts |= {"ways": ways.changing} if ways.changing else {}
        video = canvas.given.resampled(order.fps)
        yield Made(video.frames, video.fps, facts=facts, kept=canvas.kept if video is canvas.given else ())


def largest_window(order: Order) -> Grid:
    """The grid of as much of an order's clip as is made at once."""
    folder, (frames, height, width) = find(order.settings.model), order.canvas.given.frames.shape[:3]
    window = min(frames, habits_of(folder).trained.frames[1])
    return Grid(frames=window, height=height, width=width, cell=cell_of(folder), patch=sizes_of(folder).patch, loops=order.canvas.loops)


def texts_of(order: Order) -> tuple[str, ...]:
    """All that has to be read for an order."""
    return (*dict.fromkeys((order.settings.negative, *(cue.text for cue in order.canvas.script))),)


def opened(order: Order, ways: Ways) -> Model:
    """The model that carries out an order, loaded."""
    settings, device = order.settings, choose_device()
    model = load(settings.model, device, choose_dtype(device), texts_of(order), ways)
    return with_loras(model.of(settings.quality), settings.lora)


def complain(order: Order, model: Model) -> bool:
    """Warn of what a model will not hear of the words."""
    for text in texts_of(order):
        for complaint in model.text.unheard(text):
            warnings.warn(complaint, stacklevel=3)
    return True


def render(
    canvases: Sequence[Canvas], seeds: Sequence[int], sampling: Sampling, model: Model, progress: Progress = lambda *_: None
) -> list[Video]:
    """Make a clip of every canvas; see `meet`."""
    return [canvas.given for canvas in meet(canvases, seeds, sampling, model, progress)]


@torch.inference_mode()
def meet(
    canvases: Sequence[Canvas], seeds: Sequence[int], sampling: Sampling, model: Model, progress: Progress = lambda *_: None
) -> list[Canvas]:
    """Canvases in which all is given in the end, with the latents of what was made; each depends on its own seed alone.

    Where nothing is given of a clip that is larger than the model has seen, a small draft of it is made first, and finished at its size.
    Long ones are made window by window. Windows that take the same steps are segments of one packed sequence: they have
    equally many tokens, and begin equally high.
    """
    longest, cell = model.habits.trained.frames[1], model.vae.config.cell[0]
    drafts = {index: draft for index, canvas in enumerate(canvases) if sampling.drafts and (draft := draft_of(canvas, model.habits))}
    if drafts:
        drawn = meet([*drafts.values()], [seeds[index] for index in drafts], sampling, model, progress)
        begun = {index: finishing(canvases[index], draft.given) for index, draft in zip(drafts, drawn, strict=True)}
        canvases = [begun.get(index, canvas) for index, canvas in enumerate(canvases)]
    finished = [replace(own(canvas), kept=tuple(kept for kept in canvas.kept if _fits(kept, canvas, model))) for canvas in canvases]
    for draw in count():
        spans = {index: span for index, canvas in enumerate(finished) if (span := next_window(canvas, longest, cell))}
        if not spans:
            return finished
        parts = {index: cut(finished[index], span) for index, span in spans.items()}
        for part in parts.values():
            check_memory(grid_of(part, model), model.transformer.config, model.vae, next(model.transformer.parameters()).device)
        kinds = {index: _kind(part, model) for index, part in parts.items()}
        for kind in dict.fromkeys(kinds.values()):
            alike = [index for index, other in kinds.items() if other == kind]
            made = _make([parts[index] for index in alike], [(seeds[index], draw) for index in alike], sampling, model, progress)
            for index, (video, latents) in zip(alike, made, strict=True):
                kept = Kept(latents=latents, frame=0, end=video.num_frames, where=range(video.num_frames), vae=model.vae_digest)
                finished[index] = put_back(finished[index], spans[index], video, () if parts[index].loops else (kept,))
    raise AssertionError("windows come to an end")


def draft_of(canvas: Canvas, habits: Habits) -> Canvas | None:
    """The same clip at the size that a model is used to, where nothing is given and it is larger than the model has seen; else None."""
    given = canvas.given
    if canvas.start.min() < 1 or max(given.width, given.height) <= habits.trained.sides[1]:
        return None
    width, height = suited((given.width, given.height), habits)
    blank = np.zeros((given.num_frames, height, width, 3), np.uint8)
    return replace(canvas, given=Video(blank, given.fps), start=np.ones((1, 1, 1), np.float32))


def finishing(canvas: Canvas, draft: Video) -> Canvas:
    """A canvas of which nothing was given, to be made again from a draft."""
    larger = covering(draft, canvas.given.width, canvas.given.height)
    return replace(canvas, given=larger, start=np.full((1, 1, 1), SUBTLE, np.float32))


def _fits(kept: Kept, canvas: Canvas, model: Model) -> bool:
    """Whether latents are of a model's VAE and of a canvas's size, with a cell for each of their frames."""
    grid = grid_of(replace(canvas, loops=False), model)
    (channels, cells, *sides), beat = kept.latents.shape, grid.cell[0]
    needed = 1 + -(-(kept.end - kept.frame - 1) // beat)
    whole = needed <= cells < needed + grid.patch[0]
    return kept.vae == model.vae_digest and channels == model.vae.config.channels and (*sides,) == grid.cells[1:] and whole


def _kind(canvas: Canvas, model: Model) -> tuple[int, bool, float]:
    grid = grid_of(canvas, model)
    _, levels = reuse(begun(canvas, model), grid)
    return grid.num_tokens, grid.loops, float(token_start(levels, grid).max())


def _make(
    canvases: Sequence[Canvas], seeds: Sequence[tuple[int, int]], sampling: Sampling, model: Model, progress: Progress
) -> Iterator[tuple[Video, np.ndarray]]:
    """Clips and latents of canvases that take the same steps; a seed is (seed of the clip, number of the window)."""
    grids = [grid_of(canvas, model) for canvas in canvases]
    placed = [place(model.vae, begun(canvas, model), grid) for canvas, grid in zip(canvases, grids, strict=True)]
    tokens = pack([_stretch(patchify(one.latents.float(), grid.patch), grid) for one, grid in zip(placed, grids, strict=True)])
    start = torch.cat([one.start.flatten() for one in placed])
    noise = draw_noise(seeds, tokens.lengths, tokens.values.shape[1]).to(tokens.values)
    state = mix(tokens.values, noise, start)

    denoiser = heard_by(model, canvases, draw_noise([(*seed, 0) for seed in seeds], tokens.lengths, noise.shape[1]).to(noise))
    if (sampling.guidance, sampling.guidance_low) != (1, None):
        against = hear([(sampling.negative,)] * len(grids), [(grid.num_tokens,) for grid in grids], model)
        for scale, span in sampling.scales(model.habits.boundary):
            denoiser = guided(denoiser, against, scale, span)
    if grids[0].loops:
        denoiser = rolled(denoiser, zip(*(_shifts(seed, grids[0]) for seed in seeds), strict=True))
    scripts = [cues(canvas, grid) for canvas, grid in zip(canvases, grids, strict=True)]
    words = hear([texts for texts, _ in scripts], [heard for _, heard in scripts], model)
    laid = replace(model.habits.schedule, shift=sampling.shift or model.habits.schedule.shift)
    times = laid.times(sampling.steps, tokens.lengths[0])
    schedule = times if sampling.student else cut_at(times, float(start.max()))
    fresh = (draw_noise([(*seed, step) for seed in seeds], tokens.lengths, noise.shape[1]).to(noise) for step in count(1))
    step = step_of(sampling, fresh, begins=bool(start.max() == 1))

    def velocity(x: Tensor, level: Tensor) -> Tensor:
        return denoiser(replace(tokens, values=x), level, words)

    for done, reached in enumerate(states(velocity, state, start, schedule, step), 1):
        state = reached
        progress("denoise", done, len(schedule) - 1)
    for canvas, grid, one, values in zip(canvases, grids, placed, state.split(tokens.lengths), strict=True):
        latents = unpatchify(values, grid.cells, grid.patch)
        decoded = decode(grid, latents, model, progress)
        pasted = paste(decoded, canvas)
        softened = np.where(pixels_of(one.start == 0, grid)[..., None], decoded, pasted)  # latents that were given are true
        latents = moved(latents, decoded, softened, model.vae, grid)
        yield Video(frames=pasted, fps=canvas.given.fps), latents.half().cpu().numpy()


def step_of(sampling: Sampling, fresh: Iterator[Tensor], *, begins: bool) -> Step:
    """What takes a step, with `fresh` noise where it wants some; whether a canvas `begins` with nothing but noise."""
    if sampling.student:  # what begins below has little left that a leap could have got wrong
        return restarting(fresh, sampling.restarts if begins else 0)
    if sampling.sampler is None:
        return renewing(fresh, sampling.eta) if sampling.eta else unipc
    return {"unipc": unipc, "euler": euler, "renoise": renoising(fresh)}[sampling.sampler]


def heard_by(model: Model, canvases: Sequence[Canvas], noise: Float[Tensor, "token channel"]) -> Denoiser:
    """The network of a model as one that hears a level for each token of some canvases, exactly.

    What weights hear beside comes from the canvases; `noise` raises the tokens that must share a level.
    """
    habits, denoiser = model.habits, model.transformer
    if model.transformer.config.given:
        denoiser = beside(model.transformer, shown(model, canvases))
    if habits.schedule.parts:
        denoiser = in_whole_steps(denoiser, habits.schedule.parts)
    return denoiser if habits.hears == "token" else shared_level(denoiser, noise, habits.hears)


def begun(canvas: Canvas, model: Model) -> Canvas:
    """What tokens are noised from: what weights hear in channels of their own they make again, from nothing but noise."""
    if not model.transformer.config.given or canvas.start.min() > 0:
        return canvas
    return replace(canvas, start=np.where(canvas.start == 0, np.float32(1), canvas.start), kept=())


def shown(model: Model, canvases: Sequence[Canvas]) -> Beside:
    """What canvases give, for weights that hear it beside the noise: their given frames, and the first and last of them as pictures."""
    given, pictures, lengths = [], [], []
    for canvas in canvases:
        grid = grid_of(canvas, model)
        given.append(patchify(condition(model.vae, canvas, grid), grid.patch).values)
        if model.eyes is not None:
            states = model.eyes.look(canvas.given.frames[pictures_of(canvas)[: model.habits.pictures]])
            pictures.append(model.transformer.look(states))
            lengths.append(states.shape[0] * states.shape[1])
    layers = tuple((torch.cat([key for key, _ in one]), torch.cat([value for _, value in one])) for one in zip(*pictures, strict=True))
    return Beside(given=torch.cat(given), pictures=layers, lengths=tuple(lengths))


def pictures_of(canvas: Canvas) -> list[int]:
    """The numbers of the first and of the last frame of which something is given."""
    found = np.flatnonzero(np.broadcast_to(canvas.start.min(axis=(1, 2)), canvas.given.num_frames) < 1)
    return [int(found[0]), int(found[-1])]


def _stretch(tokens: Tokens, grid: Grid) -> Tokens:
    """A loop has no cell 0: to a model it is a stretch out of the middle of a longer clip."""
    return replace(tokens, coordinates=tokens.coordinates + torch.tensor([int(grid.loops), 0, 0]).to(tokens.coordinates))


def _shifts(seed: tuple[int, int], grid: Grid) -> Iterator[int]:
    """By how many tokens a loop is turned at each step: any number of its latent frames."""
    time, height, width = grid.tokens
    rng = np.random.default_rng((*seed, time))
    return (int(rng.integers(time)) * height * width for _ in count())


def grid_of(canvas: Canvas, model: Model) -> Grid:
    """The grid of a canvas for a model."""
    frames, height, width = canvas.given.frames.shape[:3]
    cell, patch = model.vae.config.cell, model.transformer.config.patch
    return Grid(frames=frames, height=height, width=width, cell=cell, patch=patch, loops=canvas.loops)


def cues(canvas: Canvas, grid: Grid) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The texts of a canvas that some token hears, and by how many tokens each is heard."""
    heard = tokens_heard(canvas.script, grid, canvas.given.fps)
    spoken = [(cue.text, count) for cue, count in zip(canvas.script, heard, strict=True) if count]
    return tuple(text for text, _ in spoken), tuple(count for _, count in spoken)


def hear(texts: Sequence[tuple[str, ...]], heard: Sequence[tuple[int, ...]], model: Model) -> Words:
    """Words of many clips, read once and prepared for all steps."""
    states, lengths = model.text.encode([text for clip in texts for text in clip])
    return model.transformer.prepare(Words(states=states, lengths=lengths, tokens=tuple(count for clip in heard for count in clip)))


def decode(
    grid: Grid, latents: Float[Tensor, "channel cells rows columns"], model: Model, progress: Progress
) -> UInt8[np.ndarray, "time height width 3"]:
    """Latents to the pixels of a clip, cell by cell.

    A loop goes round twice, and the second round counts: its first frames then follow its last ones.
    """
    rounds = latents.repeat(1, 1 + grid.loops, 1, 1)[None].to(next(model.vae.parameters()).dtype)
    tiling = tiling_of(model.vae, grid)
    parts = decode_tiled(model.vae, rounds, tiling) if tiling else model.vae.decode_stream(rounds)
    frames = []
    for cell, part in enumerate(parts, 1):
        frames.append(to_frames(part[0]).cpu().numpy())
        progress("decode", cell, rounds.shape[2])
    return crop(np.concatenate(frames)[-grid.padded[0] :], grid)
