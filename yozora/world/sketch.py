"""Plain pictures of what happens: matte solids on a blank floor, without shadows."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from yozora.world.render import Look, render
from yozora.world.take import Take

PLAIN = Look(shadows=False, textures=False)


def sketch(takes: Sequence[Take], size: tuple[int, int], device: torch.device | str = "cpu") -> UInt8[Tensor, "clip time height width 3"]:
    """Takes of equal length at `size` (width, height), with their colours and motion and nothing else of their look."""
    return render([bare(take) for take in takes], size, device, look=PLAIN).frames


def bare(take: Take) -> Take:
    """A take without materials and style."""
    solids = tuple(replace(solid, material="matte") for solid in take.solids)
    return replace(take, scene=replace(take.scene, style="natural"), solids=solids)
