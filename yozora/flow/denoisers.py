"""Denoisers made of denoisers: a level for each token from weights that hear one for a whole clip; loops from weights that know none."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.flow.path import raise_to
from yozora.patches import Denoiser, Tokens, Words


def shared_level(denoiser: Denoiser, noise: Float[Tensor, "token channel"], within: Literal["clip", "frame"]) -> Denoiser:
    """A denoiser of any field of levels from one that was trained on a single level for each clip (Wan 2.1) or frame (SkyReels-V2).

    Each token is raised to the highest level of its segment, or of its latent frame, with its row of `noise`, drawn once and fixed for
    the generation. The velocity `v` found there gives the clean estimate `raised - highest * v`, and each token's own
    velocity is what leads from it to the token. A call on several copies of the clips (guidance) uses `noise` for each.
    """

    def denoise(tokens: Tokens, level: Float[Tensor, " token"], words: Words) -> Float[Tensor, "token channel"]:
        copies, rest = divmod(len(level), len(noise))
        assert rest == 0, "noise is drawn for every token of the clips"
        highest = highest_of(level, tokens, within)
        raised = raise_to(highest, tokens.values, level, noise.repeat(copies, 1))
        velocity = denoiser(replace(tokens, values=raised), highest, words)
        clean = raised - highest[:, None] * velocity
        own = torch.where(level > 0, level, 1)[:, None]
        own_velocity = torch.where((level > 0)[:, None], (tokens.values - clean) / own, 0)
        return torch.where((level == highest)[:, None] & (level > 0)[:, None], velocity, own_velocity)

    return denoise


def highest_of(level: Float[Tensor, " token"], tokens: Tokens, within: Literal["clip", "frame"]) -> Float[Tensor, " token"]:
    """For each token the highest level of those in its segment, or in its latent frame of its segment."""
    lengths = torch.tensor(tokens.lengths, device=level.device)
    group = torch.repeat_interleave(torch.arange(len(lengths), device=level.device), lengths, output_size=len(level))
    if within == "frame":
        times = tokens.coordinates[:, 0]
        group = group * (times.max() + 1) + times
    highest = level.new_zeros(int(group.max()) + 1).scatter_reduce(0, group, level, "amax")
    return highest[group]


def in_whole_steps(denoiser: Denoiser, parts: int) -> Denoiser:
    """A denoiser that hears levels rounded down to one of `parts` equal parts, as weights do that were trained on whole steps."""

    def denoise(tokens: Tokens, level: Float[Tensor, " token"], words: Words) -> Float[Tensor, "token channel"]:
        return denoiser(tokens, (level * parts).floor() / parts, words)

    return denoise


def rolled(denoiser: Denoiser, shifts: Iterator[Sequence[int]]) -> Denoiser:
    """A denoiser of loops: at every call each segment's tokens are moved along by its number of the next `shifts`, and back.

    They go round the segment's end, so no place is always the seam. Each segment hears one cue.
    """

    def denoise(tokens: Tokens, level: Float[Tensor, " token"], words: Words) -> Float[Tensor, "token channel"]:
        assert len(words.tokens) == len(tokens.lengths), "a loop hears one cue"
        shift = next(shifts)

        def turned(values: Tensor, way: int) -> Tensor:
            parts = zip(values.split(tokens.lengths), shift, strict=True)
            return torch.cat([part.roll(way * by, dims=0) for part, by in parts])

        velocity = denoiser(replace(tokens, values=turned(tokens.values, 1)), turned(level, 1), words)
        return turned(velocity, -1)

    return denoise
