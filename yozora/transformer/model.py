"""The diffusion transformer: noisy tokens, their noise levels and their words go in, velocities come out.

Configured as `Wan 2.1 T2V` or `Wan 2.2 TI2V` it computes what those networks compute (arXiv:2503.20314).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from yozora.layers.neighbours import AROUND, gather, neighbours
from yozora.layers.rotary import rotary_table
from yozora.patches import Tokens, Words
from yozora.transformer.blocks import Block, Head, Heard, LevelEmbedding, PictureEmbedding, Setting, initialise
from yozora.transformer.config import TransformerConfig


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What some weights hear beside noisy tokens and words: what is `given` of each token, and keys and values of pictures.

    Of `pictures` there is a pair for each layer, or none; `lengths` says how many states each segment hears.
    """

    given: Float[Tensor, "token given"]
    pictures: tuple[Heard, ...] = ()
    lengths: tuple[int, ...] = ()

    def repeated(self, copies: int) -> "Beside":
        """The same for several copies of the clips, one after another."""
        pictures = tuple((key.repeat(copies, 1, 1), value.repeat(copies, 1, 1)) for key, value in self.pictures)
        return Beside(given=self.given.repeat(copies, 1), pictures=pictures, lengths=self.lengths * copies)


@dataclass(frozen=True, kw_only=True)
class Bypass:
    """In training only the tokens numbered `kept`, in ascending order, go through blocks `first` up to `last`; the others pass them by.

    A step costs less, and the blocks around learn to hand on what they know (TREAD, arXiv:2501.04765). `lengths` and `cues` say how
    many are kept of each segment and of those that hear each cue.
    """

    first: int
    last: int
    kept: Int[Tensor, " kept"]
    lengths: tuple[int, ...]
    cues: tuple[int, ...]

    def narrowed(self, setting: Setting) -> Setting:
        """What the blocks share while only the kept tokens go through them."""
        index = None if setting.index is None else setting.index[self.kept]
        return replace(setting, index=index, rotary=setting.rotary[self.kept], lengths=self.lengths, cue_tokens=self.cues)


class Transformer(nn.Module):
    """Velocity (noise minus data) of every token of a packed sequence."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Linear(config.embedded_channels * (len(AROUND) if config.near else 1), config.dim)
        self.embed_level = LevelEmbedding(config)
        self.embed_words = nn.Sequential(
            nn.Linear(config.text_dim, config.dim), nn.GELU(approximate="tanh"), nn.Linear(config.dim, config.dim)
        )
        self.embed_pictures = PictureEmbedding(config) if config.picture_dim else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.head = Head(config)
        self.apply(initialise)

    def forward(
        self, tokens: Tokens, level: Float[Tensor, " token"], words: Words, bypass: Bypass | None = None, beside: Beside | None = None
    ) -> Float[Tensor, "token channel"]:
        """Velocity in float32; `level` is each token's noise level in [0, 1], `words` are prepared or not."""
        check(tokens, words)
        assert (beside is not None) == bool(self.config.given), "weights that hear what is given hear it always, others never"
        words = words if words.prepared else self.prepare(words)
        dtype = self.embed_tokens.weight.dtype
        if torch.is_autocast_enabled(level.device.type):
            dtype = torch.get_autocast_dtype(level.device.type)
        distinct, index = torch.unique(level.float(), return_inverse=True)
        embedding, levels = self.embed_level(distinct)
        setting = Setting(
            levels=levels,
            index=index if len(distinct) > 1 else None,
            rotary=rotary_table(tokens.coordinates, self.config.dim // self.config.heads),
            lengths=tokens.lengths,
            cue_tokens=words.tokens,
            cue_words=words.lengths,
            dtype=dtype,
            picture_lengths=beside.lengths if beside else (),
            blocks=causal_blocks(tokens, self.config.block) if self.config.block else (),
        )
        around = precondition(distinct, self.config).of(index) if self.config.spread else None
        values = tokens.values if around is None else tokens.values * around.entering
        if beside is not None:
            values = with_given(values, beside.given, math.prod(self.config.patch))
        values = values.to(self.embed_tokens.weight.dtype)
        if self.config.near:
            values = gather(values, neighbours(tokens.coordinates, tokens.lengths))
        x = self.embed_tokens(values).float()
        pictures = beside.pictures if beside else ()
        x = self.think(x, sources(words, pictures), setting) if bypass is None else self.think_less(x, sources(words), setting, bypass)
        out = self.head(x, embedding, setting)
        return out if around is None else torch.addcmul(around.kept * tokens.values, around.added, out)

    def think(
        self, x: Float[Tensor, "token dim"], heard: Sequence[tuple[Heard, ...]], setting: Setting, first: int = 0, last: int | None = None
    ) -> Float[Tensor, "token dim"]:
        """The blocks from `first` up to `last`, or to the end."""
        for block, sources in zip(list(self.blocks)[first:last], heard[first:last], strict=True):
            x = block(x, sources, setting)
        return x

    def think_less(
        self, x: Float[Tensor, "token dim"], heard: Sequence[tuple[Heard, ...]], setting: Setting, bypass: Bypass
    ) -> Float[Tensor, "token dim"]:
        """All blocks, through the middle of which only some tokens go."""
        x = self.think(x, heard, setting, 0, bypass.first)
        thought = self.think(x[bypass.kept], heard, bypass.narrowed(setting), bypass.first, bypass.last)
        return self.think(x.index_copy(0, bypass.kept, thought), heard, setting, bypass.last)

    def prepare(self, words: Words) -> Words:
        """Keys and values of all layers, which stay the same at every step of a generation."""
        states = self.embed_words(words.states.to(self.embed_tokens.weight.dtype))
        blocks = cast(Iterable[Block], self.blocks)
        return replace(words, prepared=tuple(block.cross_attention.hear(states) for block in blocks))

    def look(self, states: Float[Tensor, "picture state dim"]) -> tuple[Heard, ...]:
        """Keys and values of all layers of some pictures' states, which are heard as one list; there are none without `picture_dim`."""
        if self.embed_pictures is None:
            return ()
        seen = self.embed_pictures(states.flatten(0, 1).to(self.embed_tokens.weight.dtype))
        return tuple(block.cross_attention.see(seen) for block in cast(Iterable[Block], self.blocks))


@dataclass(frozen=True)
class Preconditioning:
    """What surrounds the network: its input is `entering * x`, and the velocity `kept * x + added * output`.

    For Gaussian data of deviation `s` at level `t`, `kept * x` is the best linear guess of the velocity; input and output
    then have unit variance at every level (arXiv:2206.00364, section 5, for the straight path). A token with more numbers
    than the network is wide need not carry its noise through: the state goes past it.
    """

    entering: Float[Tensor, "level channel"]
    kept: Float[Tensor, "level channel"]
    added: Float[Tensor, "level channel"]

    def of(self, index: Int[Tensor, " token"]) -> "Preconditioning":
        """The factors of tokens from those of their levels."""
        return Preconditioning(*(factor.index_select(0, index) for factor in (self.entering, self.kept, self.added)))


def precondition(level: Float[Tensor, " level"], config: TransformerConfig) -> Preconditioning:
    """The factors at some levels."""
    data = torch.tensor(config.spread, device=level.device).repeat(math.prod(config.patch))
    t = level[:, None]
    power = (1 - t).square() * data.square() + t.square()
    return Preconditioning(power.rsqrt(), (t - (1 - t) * data.square()) / power, data * power.rsqrt())


def sources(words: Words, pictures: tuple[Heard, ...] = ()) -> list[tuple[Heard, ...]]:
    """What each layer attends to: words, and pictures where there are any."""
    return list(zip(words.prepared, pictures, strict=True)) if pictures else [(one,) for one in words.prepared]


def with_given(values: Float[Tensor, "token channel"], given: Float[Tensor, "token given"], cells: int) -> Float[Tensor, "token embedded"]:
    """What is given of each of the `cells` of a token, behind the channels of that cell."""
    parts = [part.unflatten(1, (cells, -1)) for part in (values, given.to(values))]
    return torch.cat(parts, dim=2).flatten(1)


def causal_blocks(tokens: Tokens, block: int) -> tuple[tuple[int, ...], ...]:
    """How many tokens of each segment stand in each block of so many latent frames."""
    blocks = tokens.coordinates[:, 0].div(block, rounding_mode="floor").split(tokens.lengths)
    return tuple(tuple(torch.unique_consecutive(one, return_counts=True)[1].tolist()) for one in blocks)


def check(tokens: Tokens, words: Words) -> None:
    """Raise ValueError unless every token hears one cue, and every cue lies in one segment and has words."""
    if sum(tokens.lengths) != len(tokens.values):
        raise ValueError(f"segments of {tokens.lengths} tokens do not make a sequence of {len(tokens.values)}")
    if not set(accumulate(tokens.lengths)) <= set(accumulate(words.tokens)) or sum(words.tokens) != len(tokens.values):
        raise ValueError(f"cues heard by {words.tokens} tokens do not fill segments of {tokens.lengths}; each cue belongs to one segment")
    if len(words.lengths) != len(words.tokens) or sum(words.lengths) != len(words.states) or min(words.lengths) < 1:
        raise ValueError(f"cues of {words.lengths} words, heard by {words.tokens} tokens, do not fit {len(words.states)} text states")
