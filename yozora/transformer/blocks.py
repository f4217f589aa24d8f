"""What the transformer is made of: blocks of attention and thought, embeddings of levels and pictures, the head."""

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from yozora.layers.attention import attention, blockwise_attention
from yozora.layers.norms import gated_add, modulated_norm
from yozora.layers.rotary import normalise_and_rotate
from yozora.transformer.config import TransformerConfig

Heard = tuple[Float[Tensor, "_ head width"], Float[Tensor, "_ head width"]]  # keys and values of a layer


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
    picture_lengths: tuple[int, ...] = ()
    blocks: tuple[tuple[int, ...], ...] = ()


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
        heard: tuple[Heard, ...],
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
        if setting.blocks:
            return self.out(blockwise_attention(query, key, value, setting.blocks).flatten(1))
        return self.out(attention(query, key, value, setting.lengths, setting.lengths).flatten(1))


class CrossAttention(nn.Module):
    """Every token attends to the words of its cue, and apart from them to the pictures of its clip where there are any."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.eps = config.heads, config.eps
        self.query = nn.Linear(config.dim, config.dim)
        self.query_norm = nn.Parameter(torch.ones(config.dim))
        self.key_value = nn.Linear(config.dim, 2 * config.dim)
        self.key_norm = nn.Parameter(torch.ones(config.dim))
        self.picture_key_value = nn.Linear(config.dim, 2 * config.dim) if config.picture_dim else None
        self.picture_key_norm = nn.Parameter(torch.ones(config.dim)) if config.picture_dim else None
        self.out = nn.Linear(config.dim, config.dim)

    def hear(self, states: Float[Tensor, "word dim"]) -> Heard:
        """Keys and values of the words."""
        return self._keys_and_values(states, self.key_value, self.key_norm)

    def see(self, states: Float[Tensor, "state dim"]) -> Heard:
        """Keys and values of pictures."""
        assert self.picture_key_value is not None and self.picture_key_norm is not None
        return self._keys_and_values(states, self.picture_key_value, self.picture_key_norm)

    def _keys_and_values(self, states: Float[Tensor, "word dim"], layer: nn.Linear, norm: Float[Tensor, " dim"]) -> Heard:
        key, value = layer(states).chunk(2, dim=-1)
        key = normalise_and_rotate(key, norm, None, self.eps)
        return key.unflatten(-1, (self.heads, -1)), value.unflatten(-1, (self.heads, -1))

    def forward(
        self,
        x: Float[Tensor, "token dim"],
        heard: tuple[Heard, ...],
        setting: Setting,
    ) -> Float[Tensor, "token dim"]:
        query = normalise_and_rotate(self.query(x), self.query_norm, None, self.eps).unflatten(-1, (self.heads, -1))
        words, *pictures = heard
        found = attention(query, *words, setting.cue_tokens, setting.cue_words)
        for one in pictures:
            found = found + attention(query, *one, setting.lengths, setting.picture_lengths)
        return self.out(found.flatten(1))


class PictureEmbedding(nn.Module):
    """States of pictures as the transformer hears them."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(config.places, config.picture_dim)) if config.places else None
        self.norm_in = nn.LayerNorm(config.picture_dim)
        self.expand = nn.Linear(config.picture_dim, config.picture_dim)
        self.contract = nn.Linear(config.picture_dim, config.dim)
        self.norm_out = nn.LayerNorm(config.dim)

    def forward(self, states: Float[Tensor, "state picture"]) -> Float[Tensor, "state dim"]:
        if self.places is not None:
            states = states + self.places
        hidden = normed(self.norm_in, states)
        return normed(self.norm_out, self.contract(functional.gelu(self.expand(hidden))))


def normed(norm: nn.LayerNorm, x: Float[Tensor, "*rest dim"]) -> Float[Tensor, "*rest dim"]:
    """The norm in float32, whatever its weights are stored in."""
    return functional.layer_norm(x.float(), norm.normalized_shape, norm.weight.float(), norm.bias.float(), norm.eps).to(x.dtype)


LEVEL_UNIT = 1000.0  # the steps of a schedule from data to noise, in which Wan's weights hear the level


class LevelEmbedding(nn.Module):
    """Noise levels as waves, then as shifts, scales and gates."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.frequency_dim = config.frequency_dim
        self.first = nn.Linear(config.frequency_dim, config.dim)
        self.second = nn.Linear(config.dim, config.dim)
        self.modulate = nn.Linear(config.dim, 6 * config.dim)
        self.rate = config.rate
        self.rates = nn.Embedding(config.rates, config.dim) if config.rates else None
        self.rate_first = nn.Linear(config.dim, config.dim) if config.rates else None
        self.rate_second = nn.Linear(config.dim, 6 * config.dim) if config.rates else None

    def forward(self, level: Float[Tensor, " level"]) -> tuple[Float[Tensor, "level dim"], Float[Tensor, "level 6 dim"]]:
        """Embedding and modulation of some levels in float32."""
        with torch.autocast(level.device.type, enabled=False):
            x = functional.silu(linear(self.first, waves(level * LEVEL_UNIT, self.frequency_dim)))
            x = linear(self.second, x)
            modulation = linear(self.modulate, functional.silu(x))
            if self.rates is not None and self.rate_first is not None and self.rate_second is not None:
                rate = functional.silu(linear(self.rate_first, self.rates.weight[self.rate].float()))
                modulation = modulation + linear(self.rate_second, rate)
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


def waves(x: Float[Tensor, " level"], dim: int) -> Float[Tensor, "level dim"]:
    """Cosines then sines of `x` at `dim / 2` frequencies from 1 down to 1 / 10000 radians."""
    half = dim // 2
    powers = torch.arange(half, device=x.device, dtype=torch.float32) / half
    angle = x[:, None] * torch.exp(-math.log(10_000) * powers)
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def linear(layer: nn.Linear, x: Float[Tensor, "*rest dim"]) -> Float[Tensor, "*rest out"]:
    """The layer in float32, whatever its weights are stored in."""
    return functional.linear(x, layer.weight.float(), layer.bias.float())


def initialise(module: nn.Module) -> None:
    """Each block starts as the identity and the whole as zero, as in DiT (arXiv:2212.09748)."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, LevelEmbedding):
        nn.init.zeros_(module.modulate.weight)
    elif isinstance(module, Head | CrossAttention):
        nn.init.zeros_(module.out.weight)
