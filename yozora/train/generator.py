"""Training of the generator: noised canvases of mixed sizes in one packed sequence, text encoder and transformer together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from yozora.canvas import Cue, Grid, tokens_heard
from yozora.flow.path import mix
from yozora.flow.schedule import draw_times, shift_for
from yozora.patches import Tokens, Words, patchify
from yozora.text import TextEncoder
from yozora.train.canvases import Mixture, draw_start
from yozora.train.clips import ClipShape
from yozora.train.draws import numpy_generator, torch_generator
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.transformer.model import Transformer
from yozora.vae.place import token_start

LEVELS = 4  # bins of noise level in which the loss is reported


@dataclass(frozen=True)
class Clip:
    """A clean clip: its latents, perhaps a known part as `place` encodes it with its token starts, and its captions."""

    latents: Tensor  # float16[channel time height width]
    placed: tuple[Tensor, Tensor] | None  # latents alike; float16[time height width] in tokens
    words: dict  # fields of Captions


Source = Callable[[int, int, ClipShape, int], Sequence[Clip]]  # step, group, shape, count


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How a step is filled: about `tokens` in all, over `groups` of clips of one shape each.

    Captions are dropped at rate `silence` for guidance; a clip that has a script is read by it at rate `scripted`.
    """

    shapes: tuple[ClipShape, ...]
    tokens: int
    groups: int
    seed: int
    fps: float
    mixture: Mixture = Mixture()
    silence: float = 0.1
    scripted: float = 0.2

    def drawn(self, step: int, grids: dict[str, Grid]) -> list[tuple[ClipShape, int]]:
        """The shapes of a step's groups and how many clips of each fill the budget."""
        weights = np.array([shape.weight for shape in self.shapes])
        rng = numpy_generator(self.seed, step, "shapes")
        # One systematic draw for all groups: shares of the mixture are kept within each step as far as they can be.
        points = (rng.random() + np.arange(self.groups)) / self.groups
        chosen = [self.shapes[i] for i in np.searchsorted(np.cumsum(weights / weights.sum()), points).clip(0, len(weights) - 1)]
        return [(shape, max(1, self.tokens // self.groups // grids[shape.name].num_tokens)) for shape in chosen]


@dataclass(frozen=True)
class Example:
    """One training clip, ready to be packed: tokens that the network sees, what it should say, and what it hears."""

    values: Tensor  # float32[token channel], noised
    target: Tensor  # float32[token channel], noise minus data
    level: Tensor  # float32[token]
    coordinates: Tensor  # int64[token 3]
    cues: tuple[str, ...]
    heard: tuple[int, ...]


class GeneratorTask:
    """Rectified flow on canvases: the loss is the squared error of the velocity where the noise level is above 0."""

    def __init__(self, text: TextEncoder, transformer: Transformer, batching: Batching, source: Source, how: Optimization):
        self.text, self.transformer, self.batching, self.source = text, transformer, batching, source
        self.networks: dict[str, nn.Module] = {"generator": nn.ModuleDict({"text": text, "transformer": transformer})}
        self.optimization = {"generator": how}
        self.grids: dict[str, Grid] = {}
        self.gallery: Callable[[int, Path], None] = lambda step, folder: None

    def losses(self, step: int) -> Iterator[Loss]:
        """The one loss of a step."""
        examples = self.examples(step)
        device = self.text.words.weight.device
        with torch.autocast(device.type, torch.bfloat16):
            tokens, words, level = self.pack(examples, device)
            velocity = self.transformer(tokens, level, words)
        target = torch.cat([example.target for example in examples]).to(device)
        error = (velocity.float() - target).square().mean(-1)
        active = level > 0
        loss = error[active].mean()
        yield Loss("generator", loss, {"loss": loss, **_by_level(error, level), **_by_kind(error, level, tokens.lengths, tokens.coordinates)})

    def show(self, step: int, folder: Path) -> None:
        """Samples from the averaged weights; what they are is the recipe's choice."""
        self.gallery(step, folder)

    def pack(self, examples: list[Example], device: torch.device) -> tuple[Tokens, Words, Tensor]:
        """Lay the examples behind one another; equal ones side by side, so that attention runs dense."""
        texts = [text for example in examples for text in example.cues]
        states, lengths = self.text.encode(texts)
        tokens = Tokens(
            values=torch.cat([example.values for example in examples]).to(device),
            coordinates=torch.cat([example.coordinates for example in examples]).to(device),
            lengths=tuple(len(example.values) for example in examples),
        )
        heard = tuple(count for example in examples for count in example.heard)
        level = torch.cat([example.level for example in examples]).to(device)
        return tokens, Words(states=states, lengths=lengths, tokens=heard), level

    def examples(self, step: int) -> list[Example]:
        """All clips of a step, sorted by length in tokens and words."""
        found = []
        for group, (shape, count) in enumerate(self.batching.drawn(step, self.grids)):
            grid = self.grids[shape.name]
            generator = torch_generator(torch.device("cpu"), self.batching.seed, step, group, "times")
            times = draw_times(count, generator, shift_for(grid.num_tokens))
            for index, clip in enumerate(self.source(step, group, shape, count)):
                rng = numpy_generator(self.batching.seed, step, group, index)
                found.append(self.example(clip, grid, float(times[index]), rng))
        return sorted(found, key=lambda example: (len(example.values), [len(cue.split()) for cue in example.cues]))

    def example(self, clip: Clip, grid: Grid, time: float, rng: np.random.Generator) -> Example:
        """Noise a clip as the solver would see it at `time`: `level = time * start`, known tokens as they are."""
        patch = self.transformer.config.patch
        start = draw_start(rng, grid, self.batching.mixture)
        levels, known = torch.from_numpy(token_start(start, grid)), clip.latents
        if clip.placed and (start == 0).any():
            known, levels = clip.placed
        tokens = patchify(clip.latents.float(), patch)
        level = time * levels.float().flatten()
        noise = torch.randn(tokens.values.shape, generator=torch.Generator().manual_seed(int(rng.integers(2**62))))
        values = mix(tokens.values, noise, level)
        kept = level == 0
        values[kept] = patchify(known.float(), patch).values[kept]
        cues, heard = self._script(clip.words, grid, rng)
        return Example(values, noise - tokens.values, level, tokens.coordinates, cues, heard)

    def _script(self, words: dict, grid: Grid, rng: np.random.Generator) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Which words the clip hears: none, one caption of some length, or its script."""
        draw = rng.random()
        if draw < self.batching.silence:
            return ("",), (grid.num_tokens,)
        if len(words["script"]) > 1 and grid.frames > 1 and draw < self.batching.silence + self.batching.scripted:
            seconds = grid.frames / self.batching.fps
            script = tuple(Cue(text=c["text"], start=c["start"] * seconds, end=c["end"] * seconds) for c in words["script"])
            heard = tokens_heard(script, grid, self.batching.fps)
            spoken = [(cue.text, count) for cue, count in zip(script, heard, strict=True) if count]
            return tuple(text for text, _ in spoken), tuple(count for _, count in spoken)
        return (words[("short", "sentence", "full")[rng.integers(3)]],), (grid.num_tokens,)


def _by_level(error: Tensor, level: Tensor) -> dict[str, Tensor]:
    """Mean error in equal bins of noise level; nan where a bin is empty."""
    edges = torch.linspace(0, 1, LEVELS + 1).tolist()
    spans = list(zip(edges[:-1], edges[1:], strict=True))
    return {f"level {low:.2f}-{high:.2f}": error[(level > low) & (level <= high)].detach().mean() for low, high in spans}


def _by_kind(error: Tensor, level: Tensor, lengths: tuple[int, ...], coordinates: Tensor) -> dict[str, Tensor]:
    """Mean error of images (one latent frame) and of videos."""
    frames = torch.stack([part[:, 0].max() for part in coordinates.split(lengths)])
    video = torch.repeat_interleave(frames > 0, torch.tensor(lengths, device=frames.device))
    active = level > 0
    return {"image": error[active & ~video].detach().mean(), "video": error[active & video].detach().mean()}
