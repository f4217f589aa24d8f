"""Whether a plain picture was painted: texture on the floor, shadows away from the sun, and highlights on what shines."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from yozora.evaluate.finding import Finding
from yozora.evaluate.sight.detect import widened
from yozora.video import Video
from yozora.world.render import Look, render
from yozora.world.take import Take

# Thresholds lie between true renders and sketches of the same takes (seeds from 81,000,000 on), before any model was scored.
TEXTURE = 0.3  # of 255: fine variation of a floor that is not plain
SHADOW = 0.5  # of the depth of the true shadows
SHINE = 25.0  # of 255: how much whiter than the rest of it the brightest spot of a glossy thing is, more than that of a matte one

FINE = 5  # pixels around, whose mean is not fine
CLEAR = 9  # pixels around things and shadows, that are no open floor
DARK = 0.03  # of the floor's brightness: what takes less from it is no shadow
PATCH = 16  # pixels on a side of a patch of floor


@dataclass(frozen=True)
class Stage:
    """What the engine knows of a clip's pixels: its things, how bright the bare floor is in sun and in shade, and which of them shine."""

    things: Bool[Tensor, "time height width"]
    open_floor: Float[Tensor, "time height width"]  # in [0, 255]
    floor: Float[Tensor, "time height width"]  # with shadows
    plain: Float[Tensor, "time 3 height width"]  # the sketch
    glossy: Bool[Tensor, "time height width"]  # in the sun, and not white


def stage(take: Take, size: tuple[int, int]) -> Stage:
    """A take's natural picture at `size` (width, height) in layers."""
    matte = tuple(replace(solid, material="matte") for solid in take.solids)
    bare = replace(take, scene=replace(take.scene, style="natural"), solids=matte)
    lit = render([bare], size, look=Look(shadows=False, textures=False))
    shaded = render([bare], size, look=Look(textures=False))
    sunny = take.scene.light.time != "overcast"
    glossy = [i for i, body in enumerate(take.scene.objects) if sunny and body.material == "glossy" and body.colour != "white"]
    return Stage(
        things=lit.masks[0] >= 0,
        open_floor=lit.frames[0].float().mean(-1),
        floor=shaded.frames[0].float().mean(-1),
        plain=lit.frames[0].permute(0, 3, 1, 2).float(),
        glossy=torch.isin(lit.masks[0], torch.tensor(glossy, dtype=lit.masks.dtype)),
    )


def texture(video: Video, known: Stage) -> Finding:
    """The fine variation of open floor: the median over patches of its deviation, of 255."""
    grey = _pixels(video).mean(1, keepdim=True)
    fine = (grey - F.avg_pool2d(grey, FINE, 1, FINE // 2, count_include_pad=False)).square()
    near = widened(known.things | _shaded(known), CLEAR)[:, None].float()
    variance, taken = F.avg_pool2d(fine, PATCH), F.avg_pool2d(near, PATCH)
    below = torch.arange(variance.shape[2]) >= variance.shape[2] // 2  # the upper half may be sky
    patches = variance[:, :, below][taken[:, :, below] == 0]
    value = float(patches.sqrt().median()) if len(patches) else 0.0
    return Finding(value, value >= TEXTURE, f"{len(patches)} patches")


def shadow(video: Video, known: Stage) -> Finding:
    """How deep shadows are where the sun casts them, beside the open floor around, in parts of their true depth."""
    grey, shaded = _pixels(video).mean(1), _shaded(known)
    around = widened(shaded, 2 * CLEAR + 1) & ~widened(shaded | known.things, 5)
    inside = shaded & ~widened(known.things, 5)
    true, made = (_depths(picture, inside, around) for picture in (known.floor, grey))
    strength = float((true * made).sum() / (true**2).sum()) if len(true) else 0.0
    return Finding(strength, strength >= SHADOW, f"true depth {true.mean():.2f}" if len(true) else "no shadow is in sight")


def shine(video: Video, known: Stage) -> Finding:
    """How much whiter than the rest of it the brightest spot of glossy things is, more than in the sketch; median over frames, of 255."""
    made, plain = (_spots(picture.amin(1), known.glossy) for picture in (_pixels(video), known.plain))
    value = float(np.median(made - plain)) if len(made) else 0.0
    return Finding(value, value >= SHINE, f"{len(made)} frames")


def _pixels(video: Video) -> Tensor:
    return torch.from_numpy(video.frames).permute(0, 3, 1, 2).float()


def _shaded(known: Stage) -> Tensor:
    return (known.floor < (1 - DARK) * known.open_floor) & ~known.things


def _depths(picture: Tensor, inside: Tensor, around: Tensor) -> np.ndarray:
    """By frame, how much darker than what is around an area is, in parts of that; frames without it are left out."""
    found = [
        1 - float(frame[dark].mean() / frame[light].mean().clamp_min(1.0))
        for frame, dark, light in zip(picture, inside, around, strict=True)
        if dark.any() and light.any()
    ]
    return np.array(found)


def _spots(least: Tensor, things: Tensor) -> np.ndarray:
    cores = ~widened(~things, 3)
    return np.array(
        [float(frame[core].quantile(0.98) - frame[core].median()) for frame, core in zip(least, cores, strict=True) if core.sum() >= 20]
    )
