"""Drawing styles: from what the ray caster knows of each pixel to a finished picture. Nothing here is random between calls."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int16, UInt8
from torch import Tensor

from yozora.world.ground import clouds


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The layers of `shade`, the key of ends (solid, facet, shadow), and the luminance that falls on the open floor."""

    layers: Float[Tensor, "layer frame height width"]
    key: Int16[Tensor, "frame height width"]
    daylight: Float[Tensor, " frame"]

    @property
    def albedo(self) -> Float[Tensor, "3 frame height width"]:
        """Colour of the surface itself, sRGB."""
        return srgb(self.layers[3:6])

    @property
    def light(self) -> Float[Tensor, "frame height width"]:
        """Light that falls on the surface, 1 on the open floor."""
        return self.layers[6] / self.daylight[:, None, None]

    @property
    def cover(self) -> Float[Tensor, "frame height width"]:
        """Share of the pixel that solids cover."""
        return self.layers[8]

    @property
    def haze(self) -> Float[Tensor, "frame height width"]:
        """Share of the horizon and the sky in what is behind the solids."""
        return self.layers[9]


def encode(picture: Float[Tensor, "3 frame height width"]) -> UInt8[Tensor, "frame height width 3"]:
    """Bytes from sRGB in [0, 1]."""
    return picture.clamp(0.0, 1.0).mul_(255.0).add_(0.5).to(torch.uint8).permute(1, 2, 3, 0)


def srgb(light: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """sRGB from linear light, within 0.005: a sum of square roots, which every device rounds alike."""
    root = light.clamp(0.0, 1.0)
    value = root * -0.0225411470
    for weight in (0.662002687, 0.684122060, -0.323583601):
        root = root.sqrt()
        value += weight * root
    return value


def natural(picture: Picture) -> Float[Tensor, "3 frame height width"]:
    """What a camera sees."""
    return srgb(picture.layers[:3])


def pencil(picture: Picture) -> Float[Tensor, "3 frame height width"]:
    """Coloured pencil and chalk on toned paper: graphite outlines, strokes that stay with the paper."""
    paper = _colour((0.86, 0.82, 0.75), picture) * (1.0 + 0.07 * _grain(picture))
    albedo, cover = picture.albedo, picture.cover
    dark = (1.2 - picture.light).clamp(0.0, 1.0)
    strokes, crossing = _stroke(picture, 0.9, 24), _stroke(picture, 0.45, 29)
    pigment = (0.80 + 0.30 * dark - 0.24 * strokes - 0.16 * crossing).clamp(0.0, 1.0)
    drawn = paper + (albedo * (1.10 - 0.55 * dark) - paper) * pigment
    hatching = _inked(strokes, 1.25 * dark - 0.42) * (1.0 - picture.haze)
    wear = 0.72 + 0.36 * _tone(albedo)
    ground = paper * (wear + (1.0 - wear) * picture.haze) * (1.0 - 0.38 * hatching)
    page = ground + (drawn - ground) * cover
    return page * (1.0 - 0.78 * _outlines(picture))


def neon_night(picture: Picture) -> Float[Tensor, "3 frame height width"]:
    """Coloured and white solids that glow over a dark floor, with lit rims and a halo."""
    albedo, light, cover = picture.layers[3:6], picture.light.clamp(0.0, 1.4), picture.cover
    brightest, dullest = albedo.amax(0).clamp_min(1e-3), albedo.amin(0)
    vivid = (1.0 - dullest / brightest) * (brightest * 8.0).clamp_max(1.0) + (dullest * 6.0 - 4.5).clamp(0.0, 1.0)
    vivid = 0.12 + 0.88 * vivid.clamp(0.0, 1.0)
    albedo = albedo / brightest.sqrt()
    rim = picture.layers[7]
    rim = rim * rim * rim
    glow = (albedo * (0.22 + 0.50 * light) + (0.10 + 0.90 * albedo) * (1.3 * rim)) * (cover * vivid)
    halo = _halo(glow, 4 if picture.key.shape[1] < 200 else 5)
    floor = albedo * (0.03 + 0.07 * light) * _colour((0.55, 0.65, 1.35), picture) * (1.0 - picture.haze)
    floor = floor + _colour((0.026, 0.014, 0.065), picture) * picture.haze
    return srgb(glow + (floor + halo * (0.55 + 1.2 * albedo)) * (1.0 - cover) + 0.25 * halo * cover)


def watercolour(picture: Picture) -> Float[Tensor, "3 frame height width"]:
    """Washes in three tones on rough white paper, with pigment gathered along their edges and a dry rim around solids."""
    grain, blotch = _grain(picture), _blotches(picture)
    cover, sky = picture.cover, picture.haze * (1.0 - picture.cover)
    washes = _steps(picture.light * 0.94 + 0.10 * blotch, 3)
    pooled = washes - _halo(washes[None], 2)[0]  # pigment dries along the border of a wash
    paper = _colour((0.985, 0.965, 0.920), picture)
    painted = picture.albedo
    painted = painted + (srgb(picture.layers[:3]) - painted) * sky
    thick = cover * (1.16 - 0.34 * washes) + (1.0 - cover) * (0.62 - 0.16 * sky)
    thick = (thick * (1.0 + 0.13 * blotch + 0.09 * grain) - 0.5 * pooled).clamp(0.0, 1.2)
    wash = paper + (painted - paper) * thick
    cool = _colour((0.60, 0.64, 0.76), picture)
    wash = wash * (1.0 - (1.0 - cool) * ((1.0 - washes) * (1.0 - sky) * (0.95 - 0.45 * cover)))
    outline = _outlines(picture)
    return wash * (1.0 - 0.35 * outline * cover) + (paper - wash) * (0.60 * outline * (1.0 - cover))


def thermal(picture: Picture) -> Float[Tensor, "3 frame height width"]:
    """A heat camera: warm colours are hot and cold ones cool, all above the floor."""
    red, green, blue = picture.albedo
    light, rim = picture.light.clamp(0.0, 1.5), picture.layers[7]
    solid = 0.52 + 0.30 * (red - blue) + 0.12 * green + 0.15 * (light - 0.8) - 0.14 * rim * rim
    floor = 0.02 + 0.40 * green * green.sqrt() * (0.30 + 0.70 * light) * (1.0 - picture.haze)
    heat = floor + (solid - floor) * picture.cover
    heat = (heat + 0.12 * _halo(picture.cover[None], 3)[0] * (1.0 - picture.cover)).clamp(0.0, 1.0)
    scale = torch.from_numpy(_iron()).to(heat.device)
    place = heat * (scale.shape[1] - 2)
    low = place.to(torch.int32)
    part, low = place - low, low.flatten()
    cold, hot = scale.index_select(1, low), scale.index_select(1, low + 1)
    return (cold + (hot - cold) * part.flatten()).view(3, *heat.shape)


def blueprint(picture: Picture) -> Float[Tensor, "3 frame height width"]:
    """White lines on blue paper with a grid, solids faintly filled, shadows hatched."""
    light, cover, albedo = picture.light, picture.cover, picture.albedo
    tone = _tone(albedo)
    paper = _colour((0.07, 0.22, 0.50), picture) * (1.0 + 0.10 * _grain(picture))
    paper = paper + 0.10 * _grid(picture) + _colour((0.03, 0.06, 0.10), picture) * (tone * (1.0 - picture.haze))
    shaded = _inked(_stroke(picture, 0.785, 22), (0.85 - light) * 1.0) * (1.0 - picture.haze) * (1.0 - cover)
    fill = 0.16 + 0.12 * light.clamp(0.0, 1.4)
    page = paper + (0.35 + 0.65 * albedo - paper) * (cover * fill) + (0.75 - paper) * (0.30 * shaded)
    return page + (0.95 - page) * _outlines(picture)


FILTERS = {
    "natural": natural,
    "pencil": pencil,
    "neon night": neon_night,
    "watercolour": watercolour,
    "thermal": thermal,
    "blueprint": blueprint,
}


def _colour(rgb: tuple[float, float, float], picture: Picture) -> Tensor:
    return torch.tensor(rgb, device=picture.key.device)[:, None, None, None]


def _tone(colour: Tensor) -> Tensor:
    return colour[0] * 0.3 + colour[1] * 0.6 + colour[2] * 0.1


def _outlines(picture: Picture) -> Tensor:
    """Soft lines where solids and their facets end, as wide as the picture is fine."""
    key = picture.key >> 1
    line = torch.zeros(key.shape, dtype=torch.float32, device=key.device)
    for axis in (1, 2):
        length = key.shape[axis] - 1
        line.narrow(axis, 0, length).add_((key.narrow(axis, 0, length) != key.narrow(axis, 1, length)).float())
    line = line.clamp_(0.0, 1.0)
    for _ in range(max(1, round(picture.key.shape[1] / 150))):
        line = (_smooth(_smooth(line[None], 2, 1), 3, 1)[0] * 1.4).clamp_(0.0, 1.0)
    return line


def _smooth(field: Tensor, axis: int, step: int) -> Tensor:
    """Weights 1/4, 1/2, 1/4 at a distance of `step` pixels, the border repeated."""
    place = torch.arange(field.shape[axis], device=field.device)
    before, after = (place - step).clamp_min(0), (place + step).clamp_max(field.shape[axis] - 1)
    return (field.index_select(axis, before) + field.index_select(axis, after)) * 0.25 + field * 0.5


def _halo(glow: Tensor, octaves: int) -> Tensor:
    for octave in range(octaves):
        for axis in (2, 3):
            glow = _smooth(glow, axis, 1 << octave)
    return glow


def _inked(stroke: Tensor, darkness: Tensor) -> Tensor:
    """1 where a stroke of the pencil falls, the more of them the darker."""
    return ((darkness - stroke) * 3.0 + 0.5).clamp_(0.0, 1.0)


def _steps(value: Tensor, number: int) -> Tensor:
    """A staircase of `number` rises from 0 to 1 with soft edges."""
    scaled = value.clamp(0.0, 0.999) * number
    floor = scaled.floor()
    rise = ((scaled - floor - 0.5) * 4.0 + 0.5).clamp_(0.0, 1.0)
    return (floor + rise) * (1.0 / number)


def _grain(picture: Picture) -> Tensor:
    return torch.from_numpy(_paper(*picture.key.shape[1:])[0]).to(picture.key.device)


def _blotches(picture: Picture) -> Tensor:
    return torch.from_numpy(_paper(*picture.key.shape[1:])[1]).to(picture.key.device)


def _grid(picture: Picture) -> Tensor:
    return torch.from_numpy(_grid_lines(*picture.key.shape[1:])).to(picture.key.device)


def _stroke(picture: Picture, angle: float, number: int) -> Tensor:
    return torch.from_numpy(_strokes(*picture.key.shape[1:], angle, number)).to(picture.key.device)


@lru_cache(maxsize=8)
def _paper(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Grain and blotches of the paper, about -1 to 1, as fine for a small picture as for a large one."""
    rng = np.random.default_rng(7)
    grain, blotch = clouds(rng, (0, 0, 0, 0.5, 0.8, 0.6)), clouds(rng, (0, 0.8, 0.6, 0.3, 0.1))
    rows = (np.arange(height) * 200 // height) % 256
    columns = (np.arange(width) * 200 // height) % 256
    return grain[np.ix_(rows, columns)], blotch[np.ix_(rows, columns)]


@lru_cache(maxsize=32)
def _strokes(height: int, width: int, angle: float, number: int) -> np.ndarray:
    """Distance from the middle of the nearest of `number` parallel strokes in a picture's height, 0 to 1; the hand wavers."""
    y, x = np.mgrid[0:height, 0:width] / height
    waver = _paper(height, width)[1] * 0.25
    phase = (x * np.sin(angle) + y * np.cos(angle)) * number + waver
    return np.abs(2.0 * (phase - np.floor(phase)) - 1.0).astype(np.float32)


@lru_cache(maxsize=8)
def _grid_lines(height: int, width: int) -> np.ndarray:
    """Fine lines sixteen to a picture's height, every fourth one stronger."""
    lines = np.zeros((height, width), np.float32)
    for share, every in ((0.5, 16), (0.5, 4)):
        for axis, length in ((0, height), (1, width)):
            cell = np.arange(length) * every // height
            first = np.flatnonzero(np.diff(cell)) + 1
            np.moveaxis(lines, axis, 0)[first] += share
    return np.minimum(lines, 1.0)


@lru_cache(maxsize=1)
def _iron() -> np.ndarray:
    """From black over violet and orange to pale yellow, `float32[3 256]`."""
    stops = ((0.00, 0.00, 0.08), (0.16, 0.02, 0.42), (0.52, 0.04, 0.55), (0.86, 0.26, 0.22), (0.98, 0.62, 0.10), (1.00, 0.97, 0.72))
    place = np.linspace(0, len(stops) - 1, 256)
    return np.stack([np.interp(place, range(len(stops)), channel) for channel in zip(*stops, strict=True)]).astype(np.float32)
