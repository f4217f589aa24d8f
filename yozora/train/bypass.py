"""Which tokens of a training step go through all blocks of the transformer, and which pass the middle ones by."""

import math
from itertools import accumulate

import torch

from yozora.patches import Tokens, Words
from yozora.transformer.model import Bypass


def draw_bypass(share: float, layers: int, tokens: Tokens, words: Words, generator: torch.Generator) -> Bypass:
    """Let the share of the tokens that hear each cue pass by all blocks but the first and the last; one of them at least stays."""
    assert layers > 2, "between the first block and the last there must be one to pass by"
    cues = tuple(max(1, math.ceil(count * (1 - share))) for count in words.tokens)
    device = tokens.values.device
    counts, kept = (torch.tensor(numbers, device=device) for numbers in (words.tokens, cues))
    cue = torch.repeat_interleave(torch.arange(len(counts), device=device), counts)
    # Within each cue in random order: the first of them are kept.
    order = torch.argsort(cue + torch.rand(len(cue), generator=generator, device=device, dtype=torch.float64))
    rank = torch.arange(len(cue), device=device) - (counts.cumsum(0) - counts)[cue]
    chosen = order[rank < kept[cue]].sort().values
    return Bypass(first=1, last=layers - 1, kept=chosen, lengths=_by_segment(cues, words.tokens, tokens.lengths), cues=cues)


def _by_segment(kept: tuple[int, ...], cues: tuple[int, ...], segments: tuple[int, ...]) -> tuple[int, ...]:
    """How many tokens are kept of each segment, of which each cue lies in one."""
    ends, found = list(accumulate(segments)), [0] * len(segments)
    segment = 0
    for number, end in zip(kept, accumulate(cues), strict=True):
        while end > ends[segment]:
            segment += 1
        found[segment] += number
    return tuple(found)
