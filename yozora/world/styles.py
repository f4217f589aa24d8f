"""Styles."""
from dataclasses import dataclass
import torch
from jaxtyping import Float, Int16, UInt8
from torch import Tensor
@dataclass(frozen=True, kw_only=True)
class Picture:
    layers: Float[Tensor, "layer frame height width"]
    key: Int16[Tensor, "frame height width"]

def srgb(light):
    light = light.clamp(0.0, 1.0)
    root2 = light.sqrt(); root4 = root2.sqrt(); root8 = root4.sqrt()
    return 0.662002687 * root2 + 0.684122060 * root4 - 0.323583601 * root8 - 0.0225411470 * light

def encode(p):
    return (p.clamp(0.0,1.0) * 255.0 + 0.5).to(torch.uint8).permute(1,2,3,0)

def natural(picture):
    return srgb(picture.layers[:3])
FILTERS = {"natural": natural}
