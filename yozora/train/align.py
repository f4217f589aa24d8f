"""Alignment: what the transformer knows of a noised clip should tell what the captioner sees in the clean one (REPA, arXiv:2410.06940)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from einops import repeat
from jaxtyping import Float, Float16
from torch import Tensor, nn
from torch.nn import functional

from yozora.captioner import Captioner
from yozora.transformer.model import Transformer


class Alignment(nn.Module):
    """One minus the cosine between the captioner's features of each token and what is told of them from the transformer's."""

    def __init__(self, dim: int, teacher: Captioner) -> None:
        super().__init__()
        self.tell = nn.Sequential(nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, teacher.config.dim))
        self._teacher = [teacher.requires_grad_(requires_grad=False).eval()]  # in a list: it is not trained

    @torch.no_grad()
    def seen(
        self, clips: Sequence[Float16[Tensor, "channel time height width"]], patch: tuple[int, int, int]
    ) -> Float[Tensor, "token feature"]:
        """What the captioner sees in clean clips of one size, for each token of patches `patch` behind one another."""
        teacher = self._teacher[0]
        times = [theirs // ours for theirs, ours in zip(teacher.config.patch, patch, strict=True)]
        time, height, width = (cells // size for cells, size in zip(clips[0].shape[1:], teacher.config.patch, strict=True))
        features = teacher.see([clip.to(teacher.embed.weight.device).float() for clip in clips])[0]
        sizes = {"t": time, "h": height, "w": width, "a": times[0], "b": times[1], "d": times[2]}
        return repeat(features, "(clip t h w) feature -> (clip t a h b w d) feature", **sizes)

    def forward(self, known: Float[Tensor, "token dim"], seen: Float[Tensor, "token feature"]) -> Float[Tensor, ""]:
        """The mean over tokens."""
        return 1 - functional.cosine_similarity(self.tell(known).float(), seen.float(), dim=-1).mean()


@contextmanager
def listening(transformer: Transformer, after: int | None) -> Iterator[list[Tensor]]:
    """Within it, what comes out of block `after`, if it is one, is put into a list."""
    heard: list[Tensor] = []
    if after is None:
        yield heard
        return
    hook = transformer.blocks[after].register_forward_hook(lambda *given: heard.append(cast(Tensor, given[-1])))
    try:
        yield heard
    finally:
        hook.remove()
