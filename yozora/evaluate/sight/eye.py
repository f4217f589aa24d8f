"""The two small networks that look: one says the colour of each pixel, the other the shape of a region, blind to its colour.

The second sees no colour, so that it cannot learn which colours and shapes go together in training.
"""

from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from yozora.world.scene import COLOURS, SHAPES

WEIGHTS = Path(__file__).with_name("eye.safetensors")
CROP = 32  # pixels on a side of what the shape network sees


class ColourEye(nn.Module):
    """Pixels in [0, 1] to the score of background (0) and of each colour (from 1 on)."""

    def __init__(self, width: int = 24, wide: int = 48) -> None:
        super().__init__()
        self.near = nn.Conv2d(3, width, 3, padding=1, padding_mode="replicate")
        self.light = nn.Linear(6, width)  # the time of day and the style
        self.enter = nn.Conv2d(width, wide, 1)
        self.far = nn.ModuleList([nn.Conv2d(wide, wide, 3, padding=d, dilation=d, padding_mode="replicate") for d in (1, 2, 4)])
        self.leave = nn.Conv2d(wide, width, 1)
        self.edge = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")
        self.name = nn.Conv2d(width, 1 + len(COLOURS), 1)

    def forward(
        self, pixels: Float[Tensor, "frame 3 height width"], light: Float[Tensor, "frame 6"]
    ) -> Float[Tensor, "frame label height width"]:
        """Unnormalised log probabilities for pictures, or parts of pictures whose `light` is given."""
        state = F.gelu(self.near(pixels - 0.5) + self.light(light)[..., None, None])
        around = self.enter(F.avg_pool2d(state, 4, ceil_mode=True))  # a large white side is told from floor by what is around it
        for layer in self.far:
            around = around + F.gelu(layer(around))
        state = state + F.interpolate(self.leave(around), state.shape[2:], mode="bilinear", align_corners=False)
        state = state + F.gelu(self.edge(state))
        return self.name(state)


def light_of(pixels: Float[Tensor, "frame 3 height width"]) -> Float[Tensor, "frame 6"]:
    """The mean and the spread of pictures."""
    return torch.cat([pixels.mean((2, 3)) - 0.5, pixels.std((2, 3))], dim=1)


class ShapeEye(nn.Module):
    """Regions as grey crops to the score of each shape; channels are silhouette, brightness inside it, other objects."""

    def __init__(self, widths: tuple[int, int, int] = (24, 48, 96)) -> None:
        super().__init__()
        channels = (3, *widths)
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels)])
        self.name = nn.Linear(widths[-1] * (CROP // 8) ** 2, len(SHAPES))

    def forward(self, crops: Float[Tensor, "blob 3 crop crop"]) -> Float[Tensor, "blob shape"]:
        """Unnormalised log probabilities."""
        state = crops
        for layer in self.layers:
            state = F.max_pool2d(F.gelu(layer(state)), 2)
        return self.name(state.flatten(1))


class Eye(nn.Module):
    """Both networks."""

    def __init__(self) -> None:
        super().__init__()
        self.colour = ColourEye()
        self.shape = ShapeEye()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Eye":
        """The trained networks, for inference on the CPU."""
        eye = cls()
        eye.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        return eye.eval().requires_grad_(requires_grad=False)
