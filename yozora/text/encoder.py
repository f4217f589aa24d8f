"""A small transformer that reads a prompt; a T5-class encoder can take its place behind `encode`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from yozora.text.tokenizer import Tokenizer

TOGETHER = 32  # prompts that are read at once


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Sizes of the encoder; `length` is the longest prompt in words, the start word included."""

    vocabulary: int
    dim: int = 256
    heads: int = 4
    layers: int = 3
    length: int = 160


class TextEncoder(nn.Module):
    """Prompts to one state per word, read in both directions; trained together with the generator."""

    def __init__(self, config: TextConfig, tokenizer: Tokenizer):
        super().__init__()
        assert tokenizer.size == config.vocabulary
        self.config, self.tokenizer = config, tokenizer
        self.words = nn.Embedding(config.vocabulary, config.dim)
        self.places = nn.Embedding(config.length, config.dim)
        self.blocks = nn.ModuleList(TextBlock(config.dim, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        nn.init.normal_(self.words.weight, std=0.5)
        nn.init.normal_(self.places.weight, std=0.1)

    def encode(self, texts: Sequence[str]) -> tuple[Float[Tensor, "word dim"], tuple[int, ...]]:
        """States of all words of all texts behind one another, and each text's number of words (at least 1)."""
        numbers = [self.tokenizer.encode(text)[: self.config.length] for text in texts]
        lengths = tuple(len(row) for row in numbers)
        order = sorted(range(len(texts)), key=lengths.__getitem__)  # alike in length together, so that little is filled up
        states: dict[int, Tensor] = {}
        for first in range(0, len(order), TOGETHER):
            some = order[first : first + TOGETHER]
            filled, real = fill_up([numbers[index] for index in some], self.words.weight.device)
            for index, row in zip(some, self(filled, real), strict=True):
                states[index] = row[: lengths[index]]
        return torch.cat([states[index] for index in range(len(texts))]), lengths

    def unknown(self, text: str) -> dict[str, str]:
        """Words of a text outside the vocabulary, each with the nearest known word ("" where none is near)."""
        return self.tokenizer.unknown(text)

    def unheard(self, text: str) -> Iterator[str]:
        """What of a text the encoder will not hear, a sentence each: words it does not know, and all beyond its length."""
        yield from self.tokenizer.unheard(text)
        count = len(self.tokenizer.encode(text))
        if count > self.config.length:
            yield f"the model hears the first {self.config.length - 1} words that it knows, and {count - self.config.length} are left out"

    def forward(self, numbers: Int[Tensor, "text word"], real: Bool[Tensor, "text word"]) -> Float[Tensor, "text word dim"]:
        """States of every word; places where `real` is false are unseen by the others."""
        states = self.words(numbers) + self.places.weight[: numbers.shape[1]]
        for block in self.blocks:
            states = block(states, real)
        return self.norm(states)


def fill_up(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Int[Tensor, "text word"], Bool[Tensor, "text word"]]:
    """Rows of unequal lengths as one table, and where it holds a word."""
    longest = max(map(len, rows))
    table = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    real = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
    return table.to(device), real.to(device)


class TextBlock(nn.Module):
    """Self-attention over the words, then a feed-forward network, each on a normalised copy of the stream."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query_key_value, self.output = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.feedforward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(approximate="tanh"), nn.Linear(4 * dim, dim))

    def forward(self, states: Float[Tensor, "text word dim"], real: Bool[Tensor, "text word"]) -> Float[Tensor, "text word dim"]:
        split = "text word (part head channel) -> part text head word channel"
        query, key, value = rearrange(self.query_key_value(self.attention_norm(states)), split, part=3, head=self.heads)
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=real[:, None, None, :])
        states = states + self.output(rearrange(heard, "text head word channel -> text word (head channel)"))
        return states + self.feedforward(self.feedforward_norm(states))
