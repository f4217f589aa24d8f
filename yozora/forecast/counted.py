"""A model whose networks count what they are asked, and answer with zeros."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from yozora.model import Habits, Model
from yozora.patches import Tokens, Words
from yozora.text import UMT5, PictureEncoder
from yozora.text.umt5 import LENGTH
from yozora.transformer.config import TransformerConfig
from yozora.transformer.model import Beside, Transformer
from yozora.vae import VAEConfig, VideoVAE

PICTURE = 257  # states of a picture
Pass = tuple[tuple[int, ...], tuple[int, ...]]  # tokens of each segment, words of each cue
Chunk = tuple[int, int, int]  # cells, rows, columns of latents that are encoded or decoded at once; 0 cells is the first, of one frame


class CountedTransformer(Transformer):
    """Counts the passes that are asked of it."""

    def __init__(self, config: TransformerConfig, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.config, self.mark = config, nn.Parameter(torch.zeros(1, dtype=dtype))
        self.asked: Counter[Pass] = Counter()

    def forward(self, tokens: Tokens, level: Tensor, words: Words, bypass: None = None, beside: Beside | None = None) -> Tensor:
        self.asked[tokens.lengths, words.lengths] += 1
        return torch.zeros_like(tokens.values)

    def prepare(self, words: Words) -> Words:
        return words

    def look(self, states: Tensor) -> tuple:
        return ()


class CountedVAE(VideoVAE):
    """Counts the chunks that are asked of it."""

    def __init__(self, config: VAEConfig, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.config, self.mark = config, nn.Parameter(torch.zeros(1, dtype=dtype))
        self.asked: Counter[tuple[str, Chunk]] = Counter()

    def encode_chunk(self, frames: Tensor, cache: tuple | None = None) -> tuple[Tensor, tuple]:
        time, height, width = self.config.cell
        cells = 1 if cache is None else frames.shape[2] // time
        sides = (frames.shape[3] // height, frames.shape[4] // width)
        self.asked["encode", (0 if cache is None else cells, *sides)] += 1
        return frames.new_zeros(len(frames), 2 * self.config.channels, cells, *sides), ()

    def decode_chunk(self, latents: Tensor, cache: tuple | None = None) -> tuple[Tensor, tuple]:
        time, height, width = self.config.cell
        cells, rows, columns = latents.shape[2:]
        self.asked["decode", (0 if cache is None else cells, rows, columns)] += 1
        frames = 1 if cache is None else cells * time
        return latents.new_zeros(len(latents), 3, frames, rows * height, columns * width), ()


@dataclass(kw_only=True)
class CountedText(UMT5):
    """Says nothing, at the length that is heard."""

    words: int
    width: int

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, tuple[int, ...]]:
        lengths = tuple(self.words or len(text.split()) + 1 for text in texts)
        return torch.zeros(sum(lengths), self.width), lengths


@dataclass(frozen=True, kw_only=True)
class CountedEyes(PictureEncoder):
    """Sees nothing."""

    width: int

    def look(self, pictures: np.ndarray) -> Tensor:
        return torch.zeros(len(pictures), PICTURE, self.width)


def counted(habits: Habits, config: TransformerConfig, vae: VAEConfig, dtype: torch.dtype, exact: torch.dtype) -> Model:
    """A model whose parts count."""
    nowhere, cpu = Path(os.devnull), torch.device("cpu")
    words = LENGTH if habits.schedule.parts else 0
    text = CountedText(encoder=nowhere, tokenizer=nowhere, device=cpu, words=words, width=config.text_dim)
    eyes = CountedEyes(encoder=nowhere, processor=nowhere, device=cpu, width=config.picture_dim) if config.picture_dim else None
    networks = {"vae": CountedVAE(vae, exact), "transformer": CountedTransformer(config, dtype)}
    return Model(name="counted", digest="counted", habits=habits, text=text, eyes=eyes, **networks)
