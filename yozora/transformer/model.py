"""The diffusion transformer: noisy tokens, their noise levels and their words go in, velocities come out.

Configured as `Wan 2.1 T2V` or `Wan 2.2 TI2V` it computes what those networks compute (arXiv:2503.20314).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from yozora.layers.attention import attention
from yozora.layers.neighbours import AROUND, gather, neighbours
from yozora.layers.norms import gated_add, modulated_norm
from yozora.layers.rotary import normalise_and_rotate, rotary_table
from yozora.patches import Tokens, Words


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of a transformer; `channels` are those of a latent cell, `text_dim` is the width of a text state.

    `spread` is the deviation of each latent channel of the data: with it the network is preconditioned (see `Preconditioning`),
    without it the head gives the velocity itself, as in Wan. `near`: a token is embedded together with the 26 around it in time and
    space, so that what continues from cell to cell need not be looked for.
    """

    channels: int
    dim: int
    heads: int
    layers: int
    feedforward: int
    text_dim: int
    spread: tuple[float, ...] = ()
    patch: tuple[int, int, int] = (1, 2, 2)
    frequency_dim: int = 256
    eps: float = 1e-6
    near: bool = False

    def __post_init__(self) -> None:
        assert len(self.spread) in (0, self.channels)
        if self.dim % self.heads or self.dim // self.heads % 2:
            raise ValueError(f"dim {self.dim} must give each of {self.heads} heads the same even width")

    @property
    def token_channels(self) -> int:
        """Numbers in a token."""
        return self.channels * math.prod(self.patch)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all blocks of one forward pass share."""

    levels: Float[Tensor, "level 6 dim"]
    index: Int[Tensor, " token"] | None
    rotary: Float[Tensor, "token half 2"]
    lengths: tuple[int, ...]
    cue_tokens: tuple[int, ...]
    cue_words: tuple[int, ...]
    dtype: torch.dtype


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
        self.embed_tokens = nn.Linear(config.token_channels * (len(AROUND) if config.near else 1), config.dim)
        self.embed_level = LevelEmbedding(config)
        self.embed_words = nn.Sequential(
            nn.Linear(config.text_dim, config.dim), nn.GELU(approximate="tanh"), nn.Linear(config.dim, config.dim)
        )
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.head = Head(config)
        self.apply(initialise)

    def forward(
        self, tokens: Tokens, level: Float[Tensor, " token"], words: Words, bypass: Bypass | None = None
    ) -> Float[Tensor, "token channel"]:
        """Velocity in float32; `level` is each token's noise level in [0, 1], `words` are prepared or not."""
        check(tokens, words)
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
        )
        around = precondition(distinct, self.config).of(index) if self.config.spread else None
        values = tokens.values if around is None else tokens.values * around.entering
        values = values.to(self.embed_tokens.weight.dtype)
        if self.config.near:
            values = gather(values, neighbours(tokens.coordinates, tokens.lengths))
        x = self.embed_tokens(values).float()
        x = self.think(x, words, setting) if bypass is None else self.think_less(x, words, setting, bypass)
        out = self.head(x, embedding, setting)
        return out if around is None else torch.addcmul(around.kept * tokens.values, around.added, out)

    def think(self, x: Float[Tensor, "token dim"], words: Words, setting: Setting, first: int = 0, last: int | None = None) -> Tensor:
        """The blocks from `first` up to `last`, or to the end."""
        for block, heard in zip(list(self.blocks)[first:last], words.prepared[first:last], strict=True):
            x = block(x, heard, setting)
        return x

    def think_less(self, x: Float[Tensor, "token dim"], words: Words, setting: Setting, bypass: Bypass) -> Float[Tensor, "token dim"]:
        """All blocks, through the middle of which only some tokens go."""
        x = self.think(x, words, setting, 0, bypass.first)
        thought = self.think(x[bypass.kept], words, bypass.narrowed(setting), bypass.first, bypass.last)
        return self.think(x.index_copy(0, bypass.kept, thought), words, setting, bypass.last)

    def prepare(self, words: Words) -> Words:
        """Keys and values of all layers, which stay the same at every step of a generation."""
        states = self.embed_words(words.states.to(self.embed_tokens.weight.dtype))
        blocks = cast(Iterable[Block], self.blocks)
        return replace(words, prepared=tuple(block.cross_attention.hear(states) for block in blocks))


class Block(nn.Module):
    """Tokens look at their clip, then at their words, then each thinks for itself."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.eps = config.eps
        self.modulation = nn.Parameter(torch.zeros(6, config.dim))
        self.self_attention = SelfAttention(config)
        self.cross_norm = nn.LayerNorm(config.dim, eps=config.eps)
        self.cross_attention = CrossAttention(config)
        self.expand = nn.Linear(config.dim, config.feedforward)
        self.contract = nn.Linear(config.feedforward, config.dim)

    def forward(
        self,
        x: Float[Tensor, "token dim"],
        heard: tuple[Float[Tensor, "word head width"], Float[Tensor, "word head width"]],
        setting: Setting,
    ) -> Float[Tensor, "token dim"]:
        index, dtype = setting.index, setting.dtype
        shift, scale, gate, late_shift, late_scale, late_gate = (self.modulation.float() + setting.levels).unbind(1)
        seen = self.self_attention(modulated_norm(x, 1 + scale, shift, index, self.eps).to(dtype), setting)
        x = gated_add(x, seen, gate, index)
        gain, offset = self.cross_norm.weight.float()[None], self.cross_norm.bias.float()[None]
        x = x + self.cross_attention(modulated_norm(x, gain, offset, None, self.eps).to(dtype), heard, setting)
        hidden = self.expand(modulated_norm(x, 1 + late_scale, late_shift, index, self.eps).to(dtype))
        return gated_add(x, self.contract(functional.gelu(hidden, approximate="tanh")), late_gate, index)


class SelfAttention(nn.Module):
    """Every token attends to its segment, with rotary positions."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.eps = config.heads, config.eps
        self.query_key_value = nn.Linear(config.dim, 3 * config.dim)
        self.query_norm = nn.Parameter(torch.ones(config.dim))
        self.key_norm = nn.Parameter(torch.ones(config.dim))
        self.out = nn.Linear(config.dim, config.dim)

    def forward(self, x: Float[Tensor, "token dim"], setting: Setting) -> Float[Tensor, "token dim"]:
        query, key, value = self.query_key_value(x).chunk(3, dim=-1)
        query = normalise_and_rotate(query, self.query_norm, setting.rotary, self.eps)
        key = normalise_and_rotate(key, self.key_norm, setting.rotary, self.eps)
        query, key, value = (x.unflatten(-1, (self.heads, -1)) for x in (query, key, value))
        return self.out(attention(query, key, value, setting.lengths, setting.lengths).flatten(1))


class CrossAttention(nn.Module):
    """Every token attends to the words of its cue."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.eps = config.heads, config.eps
        self.query = nn.Linear(config.dim, config.dim)
        self.query_norm = nn.Parameter(torch.ones(config.dim))
        self.key_value = nn.Linear(config.dim, 2 * config.dim)
        self.key_norm = nn.Parameter(torch.ones(config.dim))
        self.out = nn.Linear(config.dim, config.dim)

    def hear(self, states: Float[Tensor, "word dim"]) -> tuple[Float[Tensor, "word head width"], Float[Tensor, "word head width"]]:
        """Keys and values of the words."""
        key, value = self.key_value(states).chunk(2, dim=-1)
        key = normalise_and_rotate(key, self.key_norm, None, self.eps)
        return key.unflatten(-1, (self.heads, -1)), value.unflatten(-1, (self.heads, -1))

    def forward(
        self,
        x: Float[Tensor, "token dim"],
        heard: tuple[Float[Tensor, "word head width"], Float[Tensor, "word head width"]],
        setting: Setting,
    ) -> Float[Tensor, "token dim"]:
        query = normalise_and_rotate(self.query(x), self.query_norm, None, self.eps).unflatten(-1, (self.heads, -1))
        return self.out(attention(query, *heard, setting.cue_tokens, setting.cue_words).flatten(1))


LEVEL_UNIT = 1000.0  # the steps of a schedule from data to noise, in which Wan's weights hear the level


class LevelEmbedding(nn.Module):
    """Noise levels as waves, then as shifts, scales and gates."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.frequency_dim = config.frequency_dim
        self.first = nn.Linear(config.frequency_dim, config.dim)
        self.second = nn.Linear(config.dim, config.dim)
        self.modulate = nn.Linear(config.dim, 6 * config.dim)

    def forward(self, level: Float[Tensor, " level"]) -> tuple[Float[Tensor, "level dim"], Float[Tensor, "level 6 dim"]]:
        """Embedding and modulation of some levels in float32."""
        with torch.autocast(level.device.type, enabled=False):
            x = functional.silu(linear(self.first, waves(level * LEVEL_UNIT, self.frequency_dim)))
            x = linear(self.second, x)
            modulation = linear(self.modulate, functional.silu(x))
        return x, rearrange(modulation, "level (six dim) -> level six dim", six=6)


class Head(nn.Module):
    """Features to velocities."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.eps = config.eps
        self.modulation = nn.Parameter(torch.zeros(2, config.dim))
        self.out = nn.Linear(config.dim, config.token_channels)

    def forward(
        self, x: Float[Tensor, "token dim"], embedding: Float[Tensor, "level dim"], setting: Setting
    ) -> Float[Tensor, "token channel"]:
        shift, scale = (self.modulation.float() + embedding[:, None]).unbind(1)
        return self.out(modulated_norm(x, 1 + scale, shift, setting.index, self.eps).to(setting.dtype)).float()


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


def waves(x: Float[Tensor, " level"], dim: int) -> Float[Tensor, "level dim"]:
    """Cosines then sines of `x` at `dim / 2` frequencies from 1 down to 1 / 10000 radians."""
    half = dim // 2
    powers = torch.arange(half, device=x.device, dtype=torch.float32) / half
    angle = x[:, None] * torch.exp(-math.log(10_000) * powers)
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def linear(layer: nn.Linear, x: Float[Tensor, "*rest dim"]) -> Float[Tensor, "*rest out"]:
    """The layer in float32, whatever its weights are stored in."""
    return functional.linear(x, layer.weight.float(), layer.bias.float())


def check(tokens: Tokens, words: Words) -> None:
    """Raise ValueError unless every token hears one cue, and every cue lies in one segment and has words."""
    if sum(tokens.lengths) != len(tokens.values):
        raise ValueError(f"segments of {tokens.lengths} tokens do not make a sequence of {len(tokens.values)}")
    if not set(accumulate(tokens.lengths)) <= set(accumulate(words.tokens)) or sum(words.tokens) != len(tokens.values):
        raise ValueError(f"cues heard by {words.tokens} tokens do not fill segments of {tokens.lengths}; each cue belongs to one segment")
    if len(words.lengths) != len(words.tokens) or sum(words.lengths) != len(words.states) or min(words.lengths) < 1:
        raise ValueError(f"cues of {words.lengths} words, heard by {words.tokens} tokens, do not fit {len(words.states)} text states")


def initialise(module: nn.Module) -> None:
    """Each block starts as the identity and the whole as zero, as in DiT (arXiv:2212.09748)."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, LevelEmbedding):
        nn.init.zeros_(module.modulate.weight)
    elif isinstance(module, Head | CrossAttention):
        nn.init.zeros_(module.out.weight)
