"""Training of the captioner: clips as latents go in, their captions of all three lengths come out, word by word."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float, Float16
from torch import Tensor, nn
from torch.nn import functional

from yozora.canvas import Grid
from yozora.captioner.model import LENGTHS, Captioner, Memory
from yozora.captioner.tell import spelled
from yozora.text import Tokenizer
from yozora.train.draws import torch_generator
from yozora.train.generator import Batching, Source
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.train.report import Gallery
from yozora.world.parse import parse
from yozora.world.scene import CAMERAS, CHANGES, COLOURS, DIRECTIONS, KINDS, SHAPES

LOOKS = (*COLOURS, *SHAPES)  # names of what a still shows too
MOVES = (*KINDS, *CHANGES, *DIRECTIONS, *(f"camera {kind} {way}".removesuffix(" none") for kind, ways in CAMERAS.items() for way in ways))


@dataclass(kw_only=True)
class CaptionerTask:
    """The loss is the negative log-probability per word, the mean of the three lengths of caption, and that of a glossary.

    Of `batching` the shapes, tokens, groups and seed count, the `opening`, in which more stills are shown and the glossary alone is
    asked, and `silence`: the share of clips that are not shown, so that the decoder also learns what texts say at large. `noise` is
    the largest deviation of what is added to the latents, in deviations of each channel, so that latents which a generator made can
    be read too. `grids` has the grid of each shape by its name.
    """

    captioner: Captioner
    tokenizer: Tokenizer
    batching: Batching
    noise: float
    source: Source
    how: Optimization
    grids: dict[str, Grid]
    show: Callable[[], Gallery]

    def __post_init__(self) -> None:
        self.device = self.captioner.unseen.device
        self.glossary = Glossary(self.captioner.config.dim).to(self.device)
        self.networks: dict[str, nn.Module] = {"captioner": nn.ModuleDict({"captioner": self.captioner, "glossary": self.glossary})}
        self.optimization = {"captioner": self.how}

    def losses(self, step: int) -> Iterator[Loss]:
        """The one loss of a step."""
        groups = [self.source(step, group, *drawn) for group, drawn in enumerate(self.batching.drawn(step, self.grids))]
        groups.sort(key=lambda group: group[0].latents[0].numel())  # equal ones side by side: attention then runs dense
        clips = [clip for group in groups for clip in group]
        generator = torch_generator(self.device, self.batching.draws, step, "look")
        with torch.autocast(self.device.type, torch.bfloat16):
            features, lengths = self.captioner.see([self.noised(clip.latents, generator) for clip in clips])
            texts, moving = [clip.words["full"] for clip in clips], [clip.latents.shape[1] > 1 for clip in clips]
            looks, moves = self.glossary(features, lengths, texts, moving)
            parts = {}
            if step >= self.batching.opening:
                memory = self.captioner.remember(self.hidden(features, lengths, generator), lengths)
                parts = {length: self.surprise(memory, [clip.words[length] for clip in clips], length) for length in LENGTHS}
        loss = looks + moves + (torch.stack(list(parts.values())).mean() if parts else 0)
        yield Loss("captioner", loss, {"loss": loss, "looks": looks, "moves": moves, **parts})

    def noised(self, latents: Float16[Tensor, "channel _ _ _"], generator: torch.Generator) -> Float[Tensor, "channel _ _ _"]:
        """Latents with noise of some deviations of each channel, more in one clip than in another."""
        clean = latents.to(self.device).float()
        spread = torch.tensor(self.captioner.config.spread or (1.0,) * len(clean), device=self.device)[:, None, None, None]
        scale = self.noise * torch.rand((), generator=generator, device=self.device)
        return clean + scale * spread * torch.randn(clean.shape, generator=generator, device=self.device)

    def hidden(
        self, features: Float[Tensor, "token dim"], lengths: tuple[int, ...], generator: torch.Generator
    ) -> Float[Tensor, "token dim"]:
        """Features of clips of which some are not shown."""
        silent = torch.rand(len(lengths), generator=generator, device=self.device) < self.batching.silence
        silent = silent.repeat_interleave(torch.tensor(lengths, device=self.device))
        return torch.where(silent[:, None], self.captioner.unseen.to(features.dtype), features)

    def surprise(self, memory: Memory, texts: Sequence[str], length: str) -> Float[Tensor, ""]:
        """The mean negative log-probability of the words of texts of one length."""
        words, following, real = spelled(self.captioner, [self.tokenizer.encode(text) for text in texts], length)
        logits = self.captioner(words, memory)
        return functional.cross_entropy(logits[real > 0], following[real > 0])


class Glossary(nn.Module):
    """Tells from features what there is and how it moves: colours, shapes, events, directions and the camera; only training needs it.

    Each name looks where it will. So the encoder hears of every clip what it shows, and not only which word comes next.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.where, self.what = (nn.Linear(dim, len(LOOKS) + len(MOVES)) for _ in range(2))

    def forward(
        self, features: Float[Tensor, "token dim"], lengths: tuple[int, ...], texts: Sequence[str], moving: Sequence[bool]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The mean negative log-probability of whether each name of what there is holds of each clip, and of how that moves which does."""
        found = []
        for _, run in groupby(features.split(lengths), key=len):
            some = torch.stack(list(run))
            found.append((self.where(some).float().softmax(1) * self.what(some).float()).sum(1))
        surprise = functional.binary_cross_entropy_with_logits(torch.cat(found), named(texts).to(features.device), reduction="none")
        looks, moves = surprise.split((len(LOOKS), len(MOVES)), dim=1)
        return looks.mean(), (moves.mean(1) * torch.tensor(moving, device=features.device)).sum() / max(1, sum(moving))


def named(texts: Sequence[str]) -> Float[Tensor, "text name"]:
    """1 for each name that holds of what a text says."""
    said = [names_in(text) for text in texts]
    return torch.tensor([[float(name in names) for name in (*LOOKS, *MOVES)] for names in said])


def names_in(text: str) -> set[str]:
    """The names of what a text says."""
    reading = parse(text)
    camera = f"camera {reading.shot.kind or 'static'} {reading.shot.direction}".strip()
    things = {name for thing in reading.things for name in (thing.colour, thing.shape)}
    return things | {name for deed in reading.deeds for name in (deed.kind, deed.direction)} | {camera}
