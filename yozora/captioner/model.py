"""The captioner: an encoder looks at the tokens of a clip, a decoder writes what it sees, word by word."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from yozora.layers.attention import attention, causal_attention
from yozora.layers.rotary import normalise_and_rotate, rotary_table
from yozora.patches import pack, patchify

LENGTHS = ("short", "sentence", "full")  # of world.words.Captions; each is asked for by a word of its own
END = 0  # the start word, which no text holds but at its beginning: there the next one would begin


@dataclass(frozen=True, kw_only=True)
class CaptionerConfig:
    """Sizes of a captioner; `channels` and `spread` are those of the latents, `longest` is the most words it writes.

    `cell_dim` and `cell_layers` are of the network that looks at single cells, before they become patches.
    """

    channels: int
    vocabulary: int
    dim: int
    heads: int
    cell_dim: int
    cell_layers: int
    encoder_layers: int
    decoder_layers: int
    feedforward: int
    spread: tuple[float, ...] = ()
    patch: tuple[int, int, int] = (1, 2, 2)
    longest: int = 120
    eps: float = 1e-6

    def __post_init__(self) -> None:
        assert len(self.spread) in (0, self.channels)
        if self.dim % self.heads or self.dim // self.heads % 2:
            raise ValueError(f"dim {self.dim} must give each of {self.heads} heads the same even width")


Past = tuple[tuple[Tensor, Tensor], ...]  # keys and values [text word head width] of the words so far, for each layer of the decoder


@dataclass(frozen=True)
class Memory:
    """What the decoder reads of clips behind one another: keys and values for each of its layers, and tokens per clip."""

    layers: tuple[tuple[Float[Tensor, "token head width"], Float[Tensor, "token head width"]], ...]
    lengths: tuple[int, ...]


class Captioner(nn.Module):
    """Probabilities of the next word of a text about a clip; every text begins with the word for its length."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(config.channels, config.cell_dim)
        self.cells = nn.ModuleDict({"blocks": nn.ModuleList(CellBlock(config) for _ in range(config.cell_layers))})
        self.embed = nn.Linear(config.cell_dim * math.prod(config.patch), config.dim)
        self.encoder = nn.ModuleDict({"blocks": nn.ModuleList(EncoderBlock(config) for _ in range(config.encoder_layers))})
        self.encoder_norm = nn.LayerNorm(config.dim, eps=config.eps)
        self.unseen = nn.Parameter(torch.zeros(config.dim))
        self.words = nn.Embedding(config.vocabulary + len(LENGTHS), config.dim)
        self.decoder = nn.ModuleDict({"blocks": nn.ModuleList(DecoderBlock(config) for _ in range(config.decoder_layers))})
        self.decoder_norm = nn.LayerNorm(config.dim, eps=config.eps)
        nn.init.normal_(self.words.weight, std=0.02)
        self.apply(initialise)

    def opening(self, length: str) -> int:
        """The number of the word that asks for a length of text."""
        return self.config.vocabulary + LENGTHS.index(length)

    def see(self, clips: Sequence[Float[Tensor, "channel _ _ _"]]) -> tuple[Float[Tensor, "token dim"], tuple[int, ...]]:
        """Features of the tokens of clips behind one another, and how many each clip has; a clip sees nothing of another."""
        equal = [torch.stack(list(some)) for _, some in groupby(clips, key=lambda clip: clip.shape)]
        tokens = pack([patchify(clip, self.config.patch) for some in equal for clip in self.neighbourhoods(some)])
        table = rotary_table(tokens.coordinates, self.config.dim // self.config.heads)
        x = self.embed(tokens.values)
        for block in cast(Iterable[EncoderBlock], self.encoder["blocks"]):
            x = block(x, table, tokens.lengths)
        return self.encoder_norm(x), tokens.lengths

    def neighbourhoods(self, clips: Float[Tensor, "clip channel cell row column"]) -> Float[Tensor, "clip feature cell row column"]:
        """What each cell of clips and those around it show together."""
        spread = torch.tensor(self.config.spread or (1.0,) * self.config.channels, device=clips.device)
        x = self.enter((clips.movedim(1, -1) / spread).to(self.enter.weight.dtype))
        for block in cast(Iterable[CellBlock], self.cells["blocks"]):
            x = block(x)
        return x.movedim(-1, 1)

    def remember(self, features: Float[Tensor, "token dim"], lengths: tuple[int, ...]) -> Memory:
        """The features of clips as the decoder reads them."""
        return Memory(tuple(block.looks.offer(features, None) for block in self.writers()), lengths)

    def writers(self) -> Iterable["DecoderBlock"]:
        """The layers of the decoder."""
        return cast(Iterable[DecoderBlock], self.decoder["blocks"])

    def nothing(self, count: int) -> Memory:
        """What the decoder reads of clips that it is not shown: one token that says so. What it then writes is what texts say at large."""
        return self.remember(self.unseen.expand(count, -1), (1,) * count)

    def forward(self, words: Int[Tensor, "text word"], memory: Memory) -> Float[Tensor, "text word vocabulary"]:
        """Unnormalised log-probabilities in float32 of the word after each word of one text for each clip of the memory."""
        return self.read_on(words, memory, ())[0]

    def read_on(self, words: Int[Tensor, "text word"], memory: Memory, past: Past) -> tuple[Float[Tensor, "text word vocabulary"], Past]:
        """The same of words that follow others, and what is then past; nothing is past at the beginning."""
        config, (texts, count) = self.config, words.shape
        first = past[0][0].shape[1] if past else 0
        places = torch.arange(first, first + count, device=words.device)
        coordinates = functional.pad(places[:, None], (0, 2)).repeat(texts, 1)
        table = rotary_table(coordinates, config.dim // config.heads)
        x = self.words(words).flatten(0, 1) * math.sqrt(config.dim)
        kept = []
        for block, seen, before in zip(self.writers(), memory.layers, past or ((),) * config.decoder_layers, strict=True):
            x, now = block(x, table, (seen, memory.lengths), before)
            kept.append(now)
        x = functional.linear(self.decoder_norm(x), self.words.weight[: config.vocabulary])
        return x.float().unflatten(0, (texts, count)), tuple(kept)


class CellBlock(nn.Module):
    """Each cell looks at the eight around it at its time; nothing is beyond the border."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.cell_dim, eps=config.eps)
        self.around = nn.Linear(9 * config.cell_dim, config.cell_dim)  # a convolution, written as a matrix so that Muon updates it
        self.out = nn.Linear(config.cell_dim, config.cell_dim)

    def forward(self, x: Float[Tensor, "clip cell row column feature"]) -> Float[Tensor, "clip cell row column feature"]:
        rows, columns = x.shape[2:4]
        wide = functional.pad(self.norm(x), (0, 0, 1, 1, 1, 1))
        around = torch.cat([wide[:, :, i : i + rows, j : j + columns] for i in range(3) for j in range(3)], dim=-1)
        return x + self.out(functional.gelu(self.around(around), approximate="tanh"))


class EncoderBlock(nn.Module):
    """Tokens look at their clip, then each thinks for itself."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.dim, eps=config.eps)
        self.heads = Heads(config)
        self.thought = feedforward(config)

    def forward(
        self, x: Float[Tensor, "token dim"], table: Float[Tensor, "token half 2"], lengths: tuple[int, ...]
    ) -> Float[Tensor, "token dim"]:
        normed = self.norm(x)
        seen = attention(self.heads.ask(normed, table), *self.heads.offer(normed, table), lengths, lengths)
        x = x + self.heads.out(seen.flatten(1))
        return x + self.thought(x)


class DecoderBlock(nn.Module):
    """Words look at those before them, then at their clip, then each thinks for itself."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.read_norm, self.look_norm = (nn.LayerNorm(config.dim, eps=config.eps) for _ in range(2))
        self.reads, self.looks = Heads(config), Heads(config)
        self.thought = feedforward(config)

    def forward(
        self,
        x: Float[Tensor, "place dim"],
        table: Float[Tensor, "place half 2"],
        memory: tuple[tuple[Float[Tensor, "token head width"], Float[Tensor, "token head width"]], tuple[int, ...]],
        past: tuple[Tensor, ...],
    ) -> tuple[Float[Tensor, "place dim"], tuple[Tensor, Tensor]]:
        """Texts of equal length behind one another, one for each clip of the memory; returns also what is then past."""
        normed, (seen, lengths) = self.read_norm(x), memory
        rows = (len(lengths), -1)
        query, key, value = (one.unflatten(0, rows) for one in (self.reads.ask(normed, table), *self.reads.offer(normed, table)))
        if past:
            key, value = (torch.cat(both, dim=1) for both in zip(past, (key, value), strict=True))
        x = x + self.reads.out(causal_attention(query, key, value).flatten(0, 1).flatten(1))
        looked = attention(self.looks.ask(self.look_norm(x), None), *seen, (len(x) // len(lengths),) * len(lengths), lengths)
        x = x + self.looks.out(looked.flatten(1))
        return x + self.thought(x), (key, value)


class Heads(nn.Module):
    """What asks, what it is offered, and what is made of the answer."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.count, self.eps = config.heads, config.eps
        self.query = nn.Linear(config.dim, config.dim)
        self.key_value = nn.Linear(config.dim, 2 * config.dim)
        self.query_norm = nn.Parameter(torch.ones(config.dim))
        self.key_norm = nn.Parameter(torch.ones(config.dim))
        self.out = nn.Linear(config.dim, config.dim)

    def ask(self, x: Float[Tensor, "token dim"], table: Float[Tensor, "token half 2"] | None) -> Float[Tensor, "token head width"]:
        """Queries, turned by their places where there is a table."""
        return normalise_and_rotate(self.query(x), self.query_norm, table, self.eps).unflatten(-1, (self.count, -1))

    def offer(
        self, x: Float[Tensor, "token dim"], table: Float[Tensor, "token half 2"] | None
    ) -> tuple[Float[Tensor, "token head width"], Float[Tensor, "token head width"]]:
        """Keys and values, the keys turned by their places where there is a table."""
        key, value = self.key_value(x).chunk(2, dim=-1)
        key = normalise_and_rotate(key, self.key_norm, table, self.eps)
        return key.unflatten(-1, (self.count, -1)), value.unflatten(-1, (self.count, -1))


def feedforward(config: CaptionerConfig) -> nn.Sequential:
    """A normalised copy of the stream, widened and narrowed again."""
    wide, narrow = nn.Linear(config.dim, config.feedforward), nn.Linear(config.feedforward, config.dim)
    return nn.Sequential(nn.LayerNorm(config.dim, eps=config.eps), wide, nn.GELU(approximate="tanh"), narrow)


def initialise(module: nn.Module) -> None:
    """Each block starts as the identity."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, EncoderBlock | DecoderBlock):
        nn.init.zeros_(module.thought[-1].weight)  # pyright: ignore[reportArgumentType]
    elif isinstance(module, Heads):
        nn.init.zeros_(module.out.weight)
