"""Latents become a packed sequence of tokens, and words become what stretches of that sequence hear."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import torch
from einops import rearrange
from jaxtyping import Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Patches of one or many clips in one flat list.

    `coordinates` are (time, row, column) in tokens; `lengths` cut the list into segments, one for each clip. Attention
    never crosses a segment, so a batch, a mixture of sizes and both halves of guidance are all the same thing.
    """

    values: Float[Tensor, "token channel"]
    coordinates: Int[Tensor, "token 3"]
    lengths: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Words:
    """Text states of many cues in one flat list, and how long each cue speaks.

    Cue `i` has `lengths[i]` words and is heard by the next `tokens[i]` tokens; inside a segment cues follow one another
    in time. Run lengths stand on the host, so that no device is asked which token hears which cue. `prepared` holds the
    keys and values of each layer once a transformer has computed them; it is empty before.
    """

    states: Float[Tensor, "word dim"]
    lengths: tuple[int, ...]
    tokens: tuple[int, ...]
    prepared: tuple[tuple[Float[Tensor, "word head width"], Float[Tensor, "word head width"]], ...] = ()


Denoiser = Callable[[Tokens, Tensor, Words], Tensor]  # (tokens, level [token] in [0, 1], words) -> velocity [token channel]


def patchify(latents: Float[Tensor, "channel time height width"], patch: tuple[int, int, int] = (1, 2, 2)) -> Tokens:
    """Cut one clip's latents into a segment of tokens, in the order time, row, column."""
    cells = latents.shape[1:]
    if any(cell % size for cell, size in zip(cells, patch, strict=True)):
        raise ValueError(f"latents of {tuple(cells)} cells do not divide into patches of {patch}; take a canvas of whole tokens")
    time, height, width = patch
    values = rearrange(latents, "c (t a) (h b) (w d) -> (t h w) (a b d c)", a=time, b=height, d=width)
    ranges = [torch.arange(cell // size, device=latents.device) for cell, size in zip(cells, patch, strict=True)]
    coordinates = torch.stack(torch.meshgrid(*ranges, indexing="ij"), dim=-1).reshape(-1, 3)
    return Tokens(values=values, coordinates=coordinates, lengths=(len(values),))


def unpatchify(
    values: Float[Tensor, "token channel"], cells: tuple[int, int, int], patch: tuple[int, int, int] = (1, 2, 2)
) -> Float[Tensor, "latent time height width"]:
    """Put one segment's tokens back into latents of `cells` (time, height, width)."""
    time, height, width = patch
    return rearrange(
        values,
        "(t h w) (a b d c) -> c (t a) (h b) (w d)",
        t=cells[0] // time,
        h=cells[1] // height,
        w=cells[2] // width,
        a=time,
        b=height,
        d=width,
    )


def pack(clips: list[Tokens]) -> Tokens:
    """Lay clips of any size behind one another, without padding."""
    return Tokens(
        values=torch.cat([clip.values for clip in clips]),
        coordinates=torch.cat([clip.coordinates for clip in clips]),
        lengths=tuple(chain.from_iterable(clip.lengths for clip in clips)),
    )


def unpack(values: Shaped[Tensor, "token *rest"], lengths: tuple[int, ...]) -> list[Tensor]:
    """Cut a packed tensor into its segments again."""
    return list(values.split(lengths))


def pack_words(scripts: list[Words]) -> Words:
    """Lay the words of many segments behind one another; all are prepared or none is."""
    prepared = tuple(
        (torch.cat([keys for keys, _ in layer]), torch.cat([values for _, values in layer]))
        for layer in zip(*(script.prepared for script in scripts), strict=True)
    )
    return Words(
        states=torch.cat([script.states for script in scripts]),
        lengths=tuple(chain.from_iterable(script.lengths for script in scripts)),
        tokens=tuple(chain.from_iterable(script.tokens for script in scripts)),
        prepared=prepared,
    )
