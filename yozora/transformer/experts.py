"""Two transformers that share the way from noise to data, heard as one (Wan 2.2 A14B)."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from yozora.patches import Tokens, Words
from yozora.transformer.blocks import Heard
from yozora.transformer.config import TransformerConfig
from yozora.transformer.model import Beside, Transformer


class Experts(nn.Module):
    """One of two transformers of the same sizes: `high` while the highest level is `boundary` or above, `low` below."""

    def __init__(self, high: Transformer, low: Transformer, boundary: float) -> None:
        super().__init__()
        assert high.config == low.config
        self.high, self.low, self.boundary = high, low, boundary

    @property
    def config(self) -> TransformerConfig:
        """The sizes of each."""
        return self.high.config

    def forward(
        self, tokens: Tokens, level: Float[Tensor, " token"], words: Words, beside: Beside | None = None
    ) -> Float[Tensor, "token channel"]:
        """As of a transformer; all clips of a sequence are at the hands of the same one."""
        words = words if words.prepared else self.prepare(words)
        high = bool(level.max() >= torch.tensor(self.boundary, dtype=level.dtype))
        layers = slice(self.config.layers) if high else slice(self.config.layers, None)
        if beside is not None:
            beside = replace(beside, pictures=beside.pictures[layers])
        chosen = self.high if high else self.low
        return chosen(tokens, level, replace(words, prepared=words.prepared[layers]), beside=beside)

    def prepare(self, words: Words) -> Words:
        """Keys and values of all layers, those of `high` first."""
        return replace(words, prepared=self.high.prepare(words).prepared + self.low.prepare(words).prepared)

    def look(self, states: Float[Tensor, "picture state dim"]) -> tuple[Heard, ...]:
        """The same for states of pictures."""
        return self.high.look(states) + self.low.look(states)
