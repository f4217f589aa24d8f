"""From the pixels of a clip alone: coloured regions in every frame, and what shape each seems to have."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

from yozora.evaluate.sight.blobs import Blobs, absorb, components, measure
from yozora.evaluate.sight.eye import CROP, Eye, light_of
from yozora.world.scene import SHAPES

SIDE = 160  # pixels: clips are looked at as if their area were SIDE x SIDE
SMALLEST = 14  # pixels of area that count as an object
MARGIN = 1.3  # of a crop over the region in it
BATCH = 16  # frames at a time
CROPS = 64  # regions at a time
FAINT = 0.02  # of full brightness: variation that is not looked at


@dataclass(frozen=True)
class Detections:
    """What is seen in a clip of `frames` frames: regions in pixels of `size` (width, height), and log probabilities of shapes."""

    blobs: Blobs
    shapes: np.ndarray  # float32[blob shape]
    frames: int
    size: tuple[int, int]

    @property
    def whole(self) -> Bool[np.ndarray, " blob"]:
        """Which regions lie within the picture's border."""
        return np.asarray((self.blobs.box[:, :2] > 0).all(1) & (self.blobs.box[:, 2:] < self.size).all(1))


def detect(pixels: Float[Tensor, "time 3 height width"], eye: Eye | None = None) -> tuple[Detections, np.ndarray]:
    """The coloured objects in a clip as `shrink` gives it, and the number of each pixel's region, `int64[time height width]`.

    Pixels of the background have number 0; a region that is too small to be an object has a number that no blob has.
    """
    eye = eye or default_eye()
    _, number, blobs = regions(pixels, eye)
    shapes = read_shapes(pixels, number, blobs, eye)
    return Detections(blobs, shapes, len(pixels), (pixels.shape[3], pixels.shape[2])), number


def regions(pixels: Float[Tensor, "time 3 height width"], eye: Eye) -> tuple[np.ndarray, np.ndarray, Blobs]:
    """The label and the number of the region of each pixel, `int64[time height width]`, and the regions that count as objects."""
    labels = label(pixels, eye).numpy()
    labels = absorb(labels, components(labels))
    number = components(labels)
    blobs = measure(labels, number)
    return labels, number, blobs.chosen(blobs.area >= SMALLEST)


def widened(mask: Bool[Tensor, "time height width"], size: int) -> Bool[Tensor, "time height width"]:
    """A mask with all that lies in a square of `size` pixels, an odd number, around what it holds."""
    near = F.max_pool2d(mask.float(), (size, 1), 1, (size // 2, 0))  # rows, then columns: as a square, and cheaper
    return F.max_pool2d(near, (1, size), 1, (0, size // 2)) > 0


@cache
def default_eye() -> Eye:
    """The trained networks of this package, loaded once."""
    return Eye.load()


def shrink(clip: UInt8[Tensor, "time height width 3"]) -> Float[Tensor, "time 3 rows columns"]:
    """Pixels in [0, 1] at the resolution at which all clips are looked at."""
    height, width = clip.shape[1:3]
    scale = SIDE / (height * width) ** 0.5
    size = (round(height * scale), round(width * scale))
    parts = [part.permute(0, 3, 1, 2).float() / 255 for part in clip.split(BATCH)]
    return torch.cat([F.interpolate(part, size, mode="bilinear", antialias=True, align_corners=False) for part in parts])


@torch.inference_mode()
def label(pixels: Float[Tensor, "time 3 height width"], eye: Eye) -> Int64[Tensor, "time height width"]:
    """The likeliest label of each pixel, scores being averaged with the pixels around."""
    parts = [F.avg_pool2d(eye.colour(part, light_of(part)), 3, 1, 1, count_include_pad=False).argmax(1) for part in pixels.split(BATCH)]
    return torch.cat(parts)


@torch.inference_mode()
def read_shapes(pixels: Float[Tensor, "time 3 height width"], number: np.ndarray, blobs: Blobs, eye: Eye) -> np.ndarray:
    """Log probabilities `float32[blob shape]` of the shapes of some of the regions numbered in `number`."""
    parts = [blobs.chosen(np.arange(start, min(start + CROPS, len(blobs)))) for start in range(0, len(blobs), CROPS)]
    read = [eye.shape(crops(pixels, number, part)).log_softmax(1) for part in parts]
    return torch.cat(read or [torch.zeros(0, len(SHAPES))]).numpy()


def crops(pixels: Float[Tensor, "time 3 height width"], number: np.ndarray, blobs: Blobs) -> Float[Tensor, "blob 3 crop crop"]:
    """Regions cut out for the shape network: silhouette, brightness inside it in standard deviations, other objects."""
    height, width = number.shape[1:]
    box = torch.from_numpy(blobs.box).float()
    middle = (box[:, :2] + box[:, 2:]) / 2
    reach = (box[:, 2:] - box[:, :2]).amax(1) / 2 * MARGIN
    steps = (torch.arange(CROP) + 0.5) / CROP * 2 - 1
    x = (middle[:, :1] + reach[:, None] * steps) / width * 2 - 1
    y = (middle[:, 1:] + reach[:, None] * steps) / height * 2 - 1
    grid = torch.stack([x[:, None, :].expand(-1, CROP, -1), y[:, :, None].expand(-1, -1, CROP)], dim=-1)
    seen = torch.from_numpy(number[blobs.frame])
    own = (seen == torch.from_numpy(blobs.number)[:, None, None]).float()
    layers = torch.stack([own, pixels[torch.from_numpy(blobs.frame)].mean(1), (seen > 0).float() - own], dim=1)
    silhouette, grey, others = F.grid_sample(layers, grid, align_corners=False).unbind(1)
    weight = silhouette.sum((1, 2), keepdim=True).clamp_min(1e-3)
    mean = (grey * silhouette).sum((1, 2), keepdim=True) / weight
    spread = ((grey - mean).square() * silhouette).sum((1, 2), keepdim=True) / weight
    inside = ((grey - mean) / (spread.sqrt() + FAINT) * silhouette).clamp(-3, 3)
    return torch.stack([silhouette, inside, others], dim=1)
