"""Guidance: a function from denoiser to denoiser."""

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.patches import Denoiser, Tokens, Words, pack, pack_words

TOGETHER = 1 << 14  # tokens of which two halves are computed at once; more fill any device


def guided(denoiser: Denoiser, negative: Words, scale: float, span: tuple[float, float] = (0.0, 1.0)) -> Denoiser:
    """Move away from what `negative` says (classifier-free guidance, arXiv:2207.12598), each clip while its highest level lies in `span`.

    Both halves are segments of one packed sequence, or of more than `TOGETHER` tokens asked one after another, which takes half the
    memory; `negative` must speak to as many tokens as the clips have. At scale 1 and outside the span of all clips the denoiser is asked
    once, as if there were no guidance.
    """
    if scale == 1:
        return denoiser
    low, high = span

    def guiding(tokens: Tokens, level: Float[Tensor, " token"], words: Words) -> Float[Tensor, "token channel"]:
        highest = torch.stack([part.max() for part in level.split(tokens.lengths)])
        inside = (low <= highest) & (highest <= high)
        if not inside.any():
            return denoiser(tokens, level, words)
        assert sum(negative.tokens) == len(level), "the negative words speak to every token once"
        if len(level) > TOGETHER:
            toward, away = (denoiser(tokens, level, heard) for heard in (words, negative))
        else:
            both = denoiser(pack([tokens, tokens]), torch.cat([level, level]), pack_words([words, negative]))
            toward, away = both.chunk(2)
        where = torch.repeat_interleave(inside, torch.tensor(tokens.lengths, device=inside.device), output_size=len(level))
        return torch.where(where[:, None], away + scale * (toward - away), toward)

    return guiding
