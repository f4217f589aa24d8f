"""The light that comes back to the eye, in linear RGB, from the floor, the sky and the solids."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.world.cast import Hits
from yozora.world.chunk import Cameras, Pairs
from yozora.world.ground import HAZE, Ground, Lamps
from yozora.world.solids import dot

# What a style filter may ask of each pixel beside its colour.
LAYERS = ("red", "green", "blue", "albedo red", "albedo green", "albedo blue", "light", "rim", "cover", "haze")
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


def floor_distance(setting: Setting, direction: Float[Tensor, "3 *ray"]) -> Float[Tensor, "*ray"]:
    """Metres of depth at which each ray meets the floor; far away for rays that do not."""
    return setting.cameras.eye[2] * (-1.0 / direction[2].clamp_max(-1e-3))


def backdrop(
    setting: Setting, direction: Float[Tensor, "3 *ray"], depth: Float[Tensor, "*ray"], shadow: Shadow
) -> Float[Tensor, "layer *ray"]:
    """Floor and sky, every layer: the floor's pattern fades where it is finer than a pixel, and its colour into the horizon's."""
    lamps, ground = setting.lamps, setting.ground
    relief = 1.0 + _pattern(setting, direction, depth)
    openness, lit = 1.0 - 0.8 * shadow.contact.clamp_max(1.0), (1.0 - shadow.sun) * setting.sun[2]
    far2 = depth * depth * dot(direction, direction) * (1.0 / HAZE**2)
    haze = torch.maximum(far2 / (1.0 + far2), (direction[2] > -1e-3).to(far2.dtype))
    height = direction[2].clamp_min(0.0)
    height = height * dot(direction, direction).rsqrt()
    height = height * (2.0 - height)
    ground_share = relief * (1.0 - haze)
    colour, light = [], 0.0
    for channel, weight in enumerate(LUMINANCE):
        received = lamps.sky[channel] * openness + lamps.sun[channel] * lit
        sky = lamps.horizon[channel] + (lamps.zenith - lamps.horizon)[channel] * height
        colour.append(ground.colour[channel] * received * ground_share + sky * haze)
        light = light + weight * received
    albedo = [ground.colour[channel] * relief for channel in range(3)]
    nothing = torch.zeros_like(haze)
    return torch.stack((*colour, *albedo, light, nothing, nothing, haze))


def _pattern(setting: Setting, direction: Tensor, depth: Tensor) -> Tensor:
    """Relief of the floor, interpolated between four texels."""
    ground, eye = setting.ground, setting.cameras.eye
    x, y = eye[0] + depth * direction[0], eye[1] + depth * direction[1]
    a = x * ground.turn[0] - y * ground.turn[1]
    b = x * ground.turn[1] + y * ground.turn[0]
    a_low, b_low = a.floor(), b.floor()
    a_part, b_part = a - a_low, b - b_low
    last = ground.side - 1
    a0, b0 = a_low.to(torch.int32) & last, b_low.to(torch.int32) & last
    a1, b1 = (a0 + 1) & last, (b0 + 1) & last
    row0, row1 = a0 * ground.side + ground.start, a1 * ground.side + ground.start
    near = _mix(_texel(ground, row0 + b0), _texel(ground, row0 + b1), b_part)
    far = _mix(_texel(ground, row1 + b0), _texel(ground, row1 + b1), b_part)
    # Texels a pixel: `depth` times the pixel's width sideways, and more by depth over the eye's height along the ground.
    scale2 = ground.turn[0] * ground.turn[0] + ground.turn[1] * ground.turn[1]
    blur = depth * depth * depth * (scale2 * (setting.pixel * setting.pixel) / eye[2])
    return _mix(near, far, a_part) * (1.0 / (1.0 + 0.04 * blur * blur))


def _texel(ground: Ground, index: Tensor) -> Tensor:
    return ground.patterns.index_select(0, index.flatten()).view(index.shape)


def _mix(low: Tensor, high: Tensor, share: Tensor) -> Tensor:
    return low + (high - low) * share


def solids(setting: Setting, pairs: Pairs, hits: Hits, shadow: Shadow) -> Float[Tensor, "layer hit"]:
    """What is seen of the solids: sun and sky on a matte paint, a white highlight on gloss, a coloured mirror of the sky on metal.

    `setting` is given for each hit. After Lambert, and Blinn (1977) for the highlights.
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
    light = LUMINANCE[0] * received[0] + LUMINANCE[1] * received[1] + LUMINANCE[2] * received[2]
    return torch.cat((matte + glossy + metallic, albedo, torch.stack((light, 1.0 - facing, light.new_ones(light.shape), light.new_zeros(light.shape)))))


def _surroundings(setting: Setting, up: Tensor) -> Tensor:
    """What a mirror sees at a sine of elevation: sunlit floor below, horizon, sky."""
    lamps = setting.lamps
    floor = setting.ground.colour * (lamps.sky + lamps.sun * setting.sun[2])
    above = (up * 5.0 + 0.5).clamp(0.0, 1.0)
    sky = lamps.horizon + (lamps.zenith - lamps.horizon) * up.clamp_min(0.0)
    return floor + (1.25 * sky - floor) * above
