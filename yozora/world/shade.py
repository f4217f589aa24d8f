"""The light that comes back to the eye, in linear RGB, from the floor, the sky and the solids."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.world.cast import Hits, floor_depth
from yozora.world.chunk import Cameras, Pairs
from yozora.world.ground import HAZE, STRIDE, Ground, Lamps
from yozora.world.solids import dot

LAYERS = 10  # colour (3); and for style filters: albedo (3), light, rim, cover (1 on solids), haze
LUMINANCE = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """How much of the sun is kept away, and how near solids darken the sky's light; both 0 to 1, by ray."""

    sun: Float[Tensor, "*ray"]
    contact: Float[Tensor, "*ray"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Camera, light and floor of each ray, broadcast against the rays; `pixel` is a pixel's width in half heights."""

    cameras: Cameras
    lamps: Lamps
    ground: Ground
    sun: Float[Tensor, "3 *frame"]
    pixel: float


def backdrop(setting: Setting, direction: Float[Tensor, "3 *ray"], shadow: Shadow, out: Float[Tensor, "layer *ray"]) -> None:
    """Floor and sky into the layers of `out`: the pattern fades where it is finer than a pixel, and the floor into the haze."""
    lamps, ground = setting.lamps, setting.ground
    depth = floor_depth(setting.cameras.eye[2], direction[2])
    length2 = dot(direction, direction)
    relief = _pattern(setting, direction, depth).add_(1.0)
    far2 = (depth * depth).mul_(length2).mul_(1.0 / HAZE**2)
    haze = torch.maximum(far2 / (1.0 + far2), (direction[2] > -1e-3).to(far2.dtype))
    height = direction[2].clamp_min(0.0).mul_(length2.rsqrt_())
    height = (2.0 - height).mul_(height)
    openness = 1.0 - 0.8 * shadow.contact.clamp_max(1.0)
    lit = (1.0 - shadow.sun).mul_(setting.sun[2])
    share = (1.0 - haze).mul_(relief)
    from_sky, from_sun, upper = openness * share, lit * share, height * haze
    for channel in range(3):
        floor = ground.colour[channel]
        colour = torch.mul(from_sky, floor * lamps.sky[channel], out=out[channel])
        colour += from_sun * (floor * lamps.sun[channel])
        colour += haze * lamps.horizon[channel]
        colour += upper * (lamps.zenith[channel] - lamps.horizon[channel])
    if len(out) > 3:
        for channel in range(3):
            out[3 + channel] = ground.colour[channel] * relief
        out[6] = openness * _luminance(lamps.sky) + lit * _luminance(lamps.sun)
        out[7:9] = 0.0
        out[9] = haze


def daylight(setting: Setting) -> Float[Tensor, " frame"]:
    """Luminance that falls on open floor."""
    return _luminance(setting.lamps.sky) + _luminance(setting.lamps.sun) * setting.sun[2]


def _luminance(colour: Tensor) -> Tensor:
    return LUMINANCE[0] * colour[0] + LUMINANCE[1] * colour[1] + LUMINANCE[2] * colour[2]


def _pattern(setting: Setting, direction: Tensor, depth: Tensor) -> Tensor:
    """Relief of the floor, interpolated between four texels."""
    ground, eye = setting.ground, setting.cameras.eye
    x, y = (depth * direction[0]).add_(eye[0]), (depth * direction[1]).add_(eye[1])
    a = (x * ground.turn[0]).sub_(y * ground.turn[1])
    b = x.mul_(ground.turn[1]).add_(y.mul_(ground.turn[0]))
    a_low, b_low = a.floor(), b.floor()
    a.sub_(a_low)
    b.sub_(b_low)
    last = ground.side - 1
    texel = a_low.to(torch.int32).bitwise_and_(last).mul_(STRIDE).add_(ground.start)
    texel = texel.add_(b_low.to(torch.int32).bitwise_and_(last)).flatten()
    corners = [ground.patterns[step:].index_select(0, texel).view(a.shape) for step in (0, 1, STRIDE, STRIDE + 1)]
    near, far = _mix(corners[0], corners[1], b), _mix(corners[2], corners[3], b)
    # Texels a pixel: `depth` times the pixel's width sideways, and more by depth over the eye's height along the ground.
    scale2 = ground.turn[0] * ground.turn[0] + ground.turn[1] * ground.turn[1]
    blur = (depth * depth).mul_(depth).mul_(scale2 * (setting.pixel * setting.pixel) / eye[2])
    return _mix(near, far, a).div_(blur.mul_(blur).mul_(0.012).add_(1.0))


def _mix(low: Tensor, high: Tensor, share: Tensor) -> Tensor:
    return high.sub_(low).mul_(share).add_(low)


def solids(setting: Setting, pairs: Pairs, hits: Hits, shadow: Shadow) -> Float[Tensor, "layer hit"]:
    """Every layer of the solids that are seen; `setting` is given for each hit.

    Sun and sky on matte paint (Lambert), a white highlight on gloss (Blinn 1977), a coloured mirror of the sky on metal.
    """
    lamps, normal = setting.lamps, hits.normal
    paint = pairs.paint.index_select(1, hits.pair)
    albedo, gloss, metal = paint[:3], paint[3], paint[4]
    view = setting.cameras.eye - hits.point
    view = view * dot(view, view).rsqrt()
    facing = dot(normal, view).clamp(0.0, 1.0)
    toward_sun = dot(normal, setting.sun).clamp_min(0.0)
    halfway = view + setting.sun
    shine = dot(normal, halfway).clamp_min(0.0)
    shine2 = shine * shine / dot(halfway, halfway).clamp_min(1e-6)
    shine4 = shine2 * shine2
    shine16 = shine4 * shine4 * shine4 * shine4
    shine64 = shine16 * shine16 * shine16 * shine16
    unshaded = (1.0 - shadow.sun) * (toward_sun * 8.0).clamp_max(1.0)  # no highlight beyond the edge of the light
    openness = 1.0 - 0.7 * shadow.contact.clamp_max(1.0)
    upward = 0.5 + 0.5 * normal[2]
    ambient = (lamps.bounce + (lamps.sky - lamps.bounce) * upward) * openness
    received = ambient + lamps.sun * (toward_sun * (1.0 - shadow.sun))
    mirrored = 2.0 * facing * normal[2] - view[2]
    image = _surroundings(setting, mirrored) * openness
    graze = 1.0 - facing
    graze = graze * graze
    graze = graze * graze
    matte = albedo * received * (1.0 - 0.72 * metal)
    glossy = gloss * (0.03 + 0.22 * graze) * image + lamps.sun * (gloss * shine64 * unshaded * 0.9)
    tinted = 0.12 + 0.88 * albedo
    metallic = metal * (0.95 * albedo * image + 0.55 * tinted * lamps.sun * (shine16 * unshaded) + 0.06 * graze * image)
    plain = torch.stack((_luminance(received), 1.0 - facing, torch.ones_like(facing), torch.zeros_like(facing)))
    return torch.cat((matte + glossy + metallic, albedo, plain))


def _surroundings(setting: Setting, up: Tensor) -> Tensor:
    """What a mirror sees at a sine of elevation: sunlit floor below, horizon, sky."""
    lamps = setting.lamps
    floor = setting.ground.colour * (lamps.sky + lamps.sun * setting.sun[2])
    above = (up * 5.0 + 0.5).clamp(0.0, 1.0)
    sky = lamps.horizon + (lamps.zenith - lamps.horizon) * up.clamp_min(0.0)
    return floor + (1.25 * sky - floor) * above
