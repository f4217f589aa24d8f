"""Ways in which a model makes do with little memory, from the dearest to the cheapest."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from yozora.layers.kept import keep
from yozora.transformer.model import Transformer
from yozora.vae.config import Tiling

SMALL = Tiling(side=24, overlap=8)  # where a whole frame, or tiles of the usual size, do not fit


@dataclass(frozen=True, kw_only=True)
class Ways:
    """`away`: weights of the transformer wait in main memory and come to the card layer by layer, which changes no bit of a clip.

    `tiling`: frames are coded in tiles of this size, whatever their own. `eight`: weights of the transformer's blocks are kept in
    eight bits. Both change a clip a little, and are written into it.
    """

    away: bool = False
    tiling: Tiling | None = None
    eight: bool = False

    def __str__(self) -> str:
        return ", ".join(self.said()) or "all at once"

    def said(self) -> Iterator[str]:
        """What is done otherwise than where there is room."""
        if self.away:
            yield "weights in main memory"
        if self.tiling:
            yield f"frames in tiles of {self.tiling.side} cells"
        if self.eight:
            yield "weights in 8 bits (fp8)"

    @property
    def changing(self) -> str:
        """What of it changes the clip, or nothing."""
        return ", ".join(replace(self, away=False).said())

    def prepare(self, network: Transformer, device: torch.device, dtype: torch.dtype) -> None:
        """Let a transformer keep its weights so; it may lie on the meta device, to be filled."""
        if self.away or self.eight:
            keep(network.blocks, device, dtype, eight=self.eight, away=self.away)


def ladder(device: torch.device, *, large: bool) -> tuple[Ways, ...]:
    """All ways on a device, each as cheap as that before it and one saving more; the weights of small models need none."""
    rungs = [Ways()]
    if large and device.type == "cuda":  # elsewhere main memory is the same memory
        rungs.append(replace(rungs[-1], away=True))
    rungs.append(replace(rungs[-1], tiling=SMALL))
    if large and device.type != "mps":  # which knows no such numbers
        rungs.append(replace(rungs[-1], eight=True))
    return tuple(rungs)
