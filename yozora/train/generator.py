"""Training of the generator: noised canvases of mixed sizes in one packed sequence, text encoder and transformer together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int
from torch import Tensor, nn

from yozora.canvas import Cue, Grid, tokens_heard
from yozora.captioner import Captioner
from yozora.flow.path import mix
from yozora.flow.schedule import draw_times, shift_for
from yozora.patches import Tokens, Words, patchify
from yozora.text import TextEncoder
from yozora.train.align import Alignment, listening
from yozora.train.bypass import draw_bypass
from yozora.train.canvases import Mixture, draw_start
from yozora.train.clips import ClipShape
from yozora.train.draws import numpy_generator, torch_generator
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.train.pairing import paired
from yozora.train.report import Gallery
from yozora.transformer.model import Bypass, Transformer, TransformerConfig
from yozora.vae.place import token_start

LENGTHS = (("short", 0.32), ("sentence", 0.6), ("full", 0.08))  # shares of the caption lengths; long ones cost more than they teach
LEVELS = 4  # bins of noise level in which the loss is reported


@dataclass(frozen=True)
class Clip:
    """A clean clip: its latents, perhaps a known part as `place` encodes it with its token starts, and the fields of its Captions.

    `things` is the share of the pixels of each latent cell that show a thing, where that is known.
    """

    latents: Float16[Tensor, "channel time height width"]
    placed: tuple[Float16[Tensor, "channel time height width"], Float16[Tensor, "time rows columns"]] | None
    words: dict
    things: Float16[Tensor, "time height width"] | None = None


Source = Callable[[int, int, ClipShape, int], Sequence[Clip]]  # step, group, shape, count
Times = Callable[[int, torch.Generator, float], Tensor]  # count, generator, shift -> the time of each clip


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How a step is filled: about `tokens` in all, over `groups` of clips of one shape each.

    In the first `opening` steps stills take the share `stills` of the tokens: a picture teaches what words mean for a ninth of what
    a clip costs. A share `middle` of the groups of clips lose their first cell, which alone stands for one frame: so stretches out
    of longer clips are known, and loops. Captions are dropped at rate `silence` for guidance; a clip that has a script is read by
    it at rate `scripted`, any other clip by a caption of one of the `lengths`, by their shares.
    Times are `shifted` towards noise by the size of a clip, as the solver's are.
    The `seed` is that of the clips and of all that is drawn; another `turn` takes the same clips in another order with other noise.
    """

    shapes: tuple[ClipShape, ...]
    tokens: int
    groups: int
    seed: int
    turn: int = 0
    fps: float
    mixture: Mixture = Mixture()
    middle: float = 0.0
    silence: float = 0.1
    scripted: float = 0.28  # seven clips in ten have a script
    lengths: tuple[tuple[str, float], ...] = LENGTHS
    opening: int = 0
    stills: float = 0.9
    shifted: bool = True

    @property
    def draws(self) -> str:
        """The key of all that is drawn beside the clips themselves."""
        return f"{self.seed}, turn {self.turn}" if self.turn else f"{self.seed}"

    def shares(self, step: int) -> np.ndarray:
        """The share of the tokens that each shape takes at a step, `float64[shape]`."""
        weights = np.array([shape.weight for shape in self.shapes])
        if step < self.opening:
            still = np.array([shape.frames == 1 for shape in self.shapes])
            weights *= np.where(still, self.stills / weights[still].sum(), (1 - self.stills) / weights[~still].sum())
        return weights / weights.sum()

    def drawn(self, step: int, grids: dict[str, Grid]) -> list[tuple[ClipShape, int]]:
        """The shapes of a step's groups and how many clips of each fill the budget."""
        weights = self.shares(step)
        rng = numpy_generator(self.draws, step, "shapes")
        # One systematic draw for all groups: shares of the mixture are kept within each step as far as they can be.
        points = (rng.random() + np.arange(self.groups)) / self.groups
        chosen = [self.shapes[i] for i in np.searchsorted(np.cumsum(weights), points).clip(0, len(weights) - 1)]
        return [(shape, max(1, self.tokens // self.groups // grids[shape.name].num_tokens)) for shape in chosen]


@dataclass(frozen=True)
class Lesson:
    """Clips of one shape, ready to be packed: what the network sees, what it should say, and what it hears."""

    values: Float[Tensor, "token channel"]  # noised
    target: Float[Tensor, "token channel"]  # noise minus data
    level: Float[Tensor, " token"]
    coordinates: Int[Tensor, "token 3"]
    lengths: tuple[int, ...]
    spoken: tuple[tuple[str, int], ...]  # each cue with the number of tokens that hear it
    seen: Float[Tensor, "token feature"] | None  # what the captioner sees in the clean clips, where a task aligns to it
    things: Bool[Tensor, " token"]  # whether it shows a part of a thing, as far as that is known


@dataclass(frozen=True, kw_only=True)
class Aids:
    """What helps the generator to learn and is not kept.

    The share `bypassed` of the tokens passes the middle blocks by; what is known after block `after` is aligned with weight `aligned` to
    what the captioner of model `teacher` sees, if one is named. `mirrored`: a mirror shows one clip in two. A token that shows a part of a
    thing counts up to `things` times as much as one that does not: so much at level 0 and no more at level 1, where what counts more
    would be drawn where it might only be. `paired`: of the noise of a group, each clip takes what lies nearest to it.
    """

    bypassed: float = 0.0
    teacher: str = ""
    aligned: float = 0.5
    after: int = 1
    mirrored: bool = False
    things: float = 1.0
    paired: bool = False


@dataclass(kw_only=True)
class GeneratorTask:
    """Rectified flow on canvases: the loss is the weighted squared error of the velocity where the noise level is above 0.

    `grids` has the grid of each clip shape by its name; `show` draws with the averaged weights; `teacher` sees what tokens are
    aligned to. Of several processes that share a
    step, each has a `rank`, and groups are numbered through all of them: other clips, times and noise for each.
    """

    text: TextEncoder
    transformer: Transformer
    batching: Batching
    source: Source
    how: Optimization
    grids: dict[str, Grid]
    show: Callable[[], Gallery]
    aids: Aids = Aids()
    teacher: Captioner | None = None
    rank: int = 0

    def __post_init__(self) -> None:
        self.device = self.text.words.weight.device
        self.networks: dict[str, nn.Module] = {"generator": nn.ModuleDict({"text": self.text, "transformer": self.transformer})}
        self.optimization = {"generator": self.how}
        self.alignment = Alignment(self.transformer.config.dim, self.teacher).to(self.device) if self.teacher else None
        if self.alignment:
            self.networks["generator"].add_module("alignment", self.alignment)
        self.weights = channel_weights(self.transformer.config).to(self.device)

    def losses(self, step: int) -> Iterator[Loss]:
        """The one loss of a step."""
        groups = enumerate(self.batching.drawn(step, self.grids), self.rank * self.batching.groups)
        lessons = [self.lesson(step, group, *drawn) for group, drawn in groups]
        lessons.sort(key=lambda lesson: lesson.lengths[0])  # equal ones side by side: attention then runs dense
        level, target, things = (torch.cat([getattr(lesson, name) for lesson in lessons]) for name in ("level", "target", "things"))
        with (
            torch.autocast(self.device.type, torch.bfloat16),
            listening(self.transformer, self.aids.after if self.alignment else None) as heard,
        ):
            tokens, words = self.pack(lessons)
            bypass = self.bypass(step, tokens, words)
            velocity = self.transformer(tokens, level, words, bypass)
            aided = {"apart": self.apart(self.alignment, heard[0], lessons, bypass)} if self.alignment else {}
        error = ((velocity.float() - target).square() * self.weights).mean(-1)
        counts = torch.where(level > 0, 1 + (self.aids.things - 1) * things * (1 - level), 0)
        loss = (counts * error).sum() / counts.sum()
        parts = {"loss": loss, **_by_level(error, level), **_by_kind(error, level, lessons), **_by_things(error, level, things), **aided}
        yield Loss("generator", loss + self.aids.aligned * aided.get("apart", 0.0), parts)

    def bypass(self, step: int, tokens: Tokens, words: Words) -> Bypass | None:
        """Which tokens of a step go through all blocks, where not all do."""
        if not self.aids.bypassed:
            return None
        generator = torch_generator(self.device, self.batching.draws, step, self.rank, "bypass")
        return draw_bypass(self.aids.bypassed, self.transformer.config.layers, tokens, words, generator)

    def apart(
        self, alignment: Alignment, known: Float[Tensor, "token dim"], lessons: list[Lesson], bypass: Bypass | None
    ) -> Float[Tensor, ""]:
        """How far what the transformer knows of the tokens is from what the captioner sees."""
        seen = torch.cat([lesson.seen for lesson in lessons if lesson.seen is not None])
        if bypass is not None and bypass.first <= self.aids.after < bypass.last:
            seen = seen[bypass.kept]
        return alignment(known, seen)

    def pack(self, lessons: list[Lesson]) -> tuple[Tokens, Words]:
        """Lay the lessons behind one another, and read what they hear."""
        spoken = [cue for lesson in lessons for cue in lesson.spoken]
        states, lengths = self.text.encode([text for text, _ in spoken])
        tokens = Tokens(
            values=torch.cat([lesson.values for lesson in lessons]),
            coordinates=torch.cat([lesson.coordinates for lesson in lessons]),
            lengths=tuple(length for lesson in lessons for length in lesson.lengths),
        )
        return tokens, Words(states=states, lengths=lengths, tokens=tuple(count for _, count in spoken))

    def lesson(self, step: int, group: int, shape: ClipShape, count: int, times: Times = draw_times) -> Lesson:
        """Noise clips as the solver would see them at some times: `level = time * start`, known tokens as they are."""
        grid, rng = self.grids[shape.name], numpy_generator(self.batching.draws, step, group, "canvas")
        clips = self.source(step, group, shape, count)
        # The first cell stands for one frame, all others for several; without it a clip is a stretch out of a longer one.
        first = int(grid.frames > 1 and rng.random() < self.batching.middle)
        scripts = [later(self._script(clip.words, grid, rng), first * grid.num_tokens // grid.tokens[0]) for clip in clips]
        # Sorted by their numbers of words, so that equal ones stand side by side for cross-attention too.
        order = sorted(range(count), key=lambda index: [len(text.split()) for text, _ in scripts[index]])
        clips, scripts = [clips[index] for index in order], [scripts[index] for index in order]

        known, starts = [], []
        for clip in clips:
            start = draw_start(rng, grid, self.batching.mixture)
            cut = clip.latents, torch.from_numpy(token_start(start, grid))
            repaint = is_repainted(clip) and rng.random() < self.batching.mixture.repainted
            seen, begun = clip.placed if clip.placed and (repaint or fits(start, clip.placed[1])) else cut
            known.append(seen[:, first:])
            starts.append(begun[first:].float().cpu())
        patch = self.transformer.config.patch
        cleans = [clip.latents[:, first:] for clip in clips]
        values, given = (torch.cat([patchify(one.float(), patch).values for one in many]).to(self.device) for many in (cleans, known))
        generator = torch_generator(self.device, self.batching.draws, step, group, "noise")
        length = len(values) // count
        start = torch.stack([start.flatten() for start in starts]).to(self.device)
        level = (times(count, generator, shift_for(length) if self.batching.shifted else 1.0)[:, None] * start).flatten()
        noise = torch.randn(values.shape, generator=generator, device=self.device)
        if self.aids.paired:
            noise = paired(noise.view(count, -1), values.view(count, -1)).view(values.shape)
        noise = noise + detour(start.flatten())[:, None] * (given - values)
        noised = torch.where((level == 0)[:, None], given, mix(values, noise, level))
        coordinates = patchify(clips[0].latents, patch).coordinates[-length:].repeat(count, 1).to(self.device)
        spoken = tuple(cue for script in scripts for cue in script)
        seen = self.alignment.seen(cleans, patch) if self.alignment else None
        things = torch.cat([_things(clip, patch)[-length:] for clip in clips]).to(self.device)
        return Lesson(noised, noise - values, level, coordinates, (length,) * count, spoken, seen, things)

    def _script(self, words: dict, grid: Grid, rng: np.random.Generator) -> tuple[tuple[str, int], ...]:
        """Which words a clip hears, and by how many tokens: none, one caption of some length, or its script."""
        draw = rng.random()
        if draw < self.batching.silence:
            return (("", grid.num_tokens),)
        if len(words["script"]) > 1 and grid.frames > 1 and draw < self.batching.silence + self.batching.scripted:
            seconds = grid.frames / self.batching.fps
            script = tuple(Cue(text=c["text"], start=c["start"] * seconds, end=c["end"] * seconds) for c in words["script"])
            heard = tokens_heard(script, grid, self.batching.fps)
            return tuple((cue.text, count) for cue, count in zip(script, heard, strict=True) if count)
        names, shares = zip(*self.batching.lengths, strict=True)
        return ((words[rng.choice(names, p=shares)], grid.num_tokens),)


def later(script: tuple[tuple[str, int], ...], cut: int) -> tuple[tuple[str, int], ...]:
    """A script, its cues with the number of tokens that hear each, without its first `cut` tokens."""
    left = []
    for text, count in script:
        kept = max(0, count - cut)
        cut -= count - kept
        left += [(text, kept)] if kept else []
    return tuple(left)


def is_repainted(clip: Clip) -> bool:
    """Whether a clip keeps what it was before, which begins all at one level."""
    return clip.placed is not None and bool(clip.placed[1].min() == clip.placed[1].max())


def fits(start: np.ndarray, placed: Float16[Tensor, "time rows columns"]) -> bool:
    """Whether a canvas that was placed beforehand is of the kind that was drawn: given in parts."""
    low, high = float(start.min()), float(start.max())
    return (low, high) == (0, 1) and bool(placed.min() != placed.max())


def detour(start: Float[Tensor, " token"]) -> Float[Tensor, " token"]:
    """What turns the path of a token so that it begins where the solver does: at given content noised to `start`.

    With `noise + (1 - s) / s * (given - data)` for noise the path leads from there to the data; where both agree it is the usual one.
    """
    between = (start > 0) & (start < 1)
    return torch.where(between, (1 - start) / torch.where(between, start, 1), 0)


def channel_weights(config: TransformerConfig) -> Float[Tensor, " channel"]:
    """How much the error of each number of a token counts: less where the data spread more.

    Close to noise the error of a channel is the variance of its data: brightness alone would be nearly half of the loss.
    """
    spread = torch.tensor(config.spread or (1.0,) * config.channels)
    return (spread.square().sum() / spread.sum() / spread).repeat(config.token_channels // config.channels)


def _things(clip: Clip, patch: tuple[int, int, int]) -> Bool[Tensor, " token"]:
    """Which tokens show a part of a thing; none where that is not known."""
    shares = torch.zeros_like(clip.latents[:1]) if clip.things is None else clip.things[None]
    return patchify(shares.float(), patch).values.sum(-1) > 0


def _by_level(error: Tensor, level: Tensor) -> dict[str, Tensor]:
    """Mean error in equal bins of noise level; nan where a bin is empty."""
    edges = torch.linspace(0, 1, LEVELS + 1).tolist()
    spans = list(zip(edges[:-1], edges[1:], strict=True))
    return {f"level {low:.2f}-{high:.2f}": error[(level > low) & (level <= high)].detach().mean() for low, high in spans}


def _by_things(error: Tensor, level: Tensor, things: Tensor) -> dict[str, Tensor]:
    """Mean error where things are seen and where none is; nan where there are none such."""
    return {name: error[(level > 0) & (things == seen)].detach().mean() for name, seen in (("things", True), ("empty", False))}


def _by_kind(error: Tensor, level: Tensor, lessons: list[Lesson]) -> dict[str, Tensor]:
    """Mean error in images (one latent frame) and in videos; nan where there are none."""
    sizes = [sum(lesson.lengths) for lesson in lessons]
    found: dict[str, list[Tensor]] = {"image": [error[:0]], "video": [error[:0]]}
    for lesson, part, levels in zip(lessons, error.split(sizes), level.split(sizes), strict=True):
        still = lesson.coordinates[-1, 0] == 0
        found["image" if still else "video"].append(part[levels > 0])
    return {kind: torch.cat(parts).detach().mean() for kind, parts in found.items()}
