"""Pictures of simulated scenes: a batched ray caster, the same on every device, with shadows and smooth edges."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int8, Int16, Int64, UInt8
from torch import Tensor

from yozora.world import cast, shade
from yozora.world.cast import Hits, Meetings
from yozora.world.chunk import Cameras, Span, gather
from yozora.world.ground import Ground, Lamps, ground, lamps, side_for
from yozora.world.shade import Setting, Shadow
from yozora.world.stain import painted, stains
from yozora.world.styles import FILTERS, Picture, encode
from yozora.world.take import Take

CHUNK = {"cpu": 1 << 20, "cuda": 1 << 23}  # rays at a time
TILE = {"cpu": 1 << 16, "cuda": 1 << 23}  # of these, rays whose floor is drawn at a time: on a CPU as many as its cache holds
SAMPLES = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))  # rays in a pixel where something ends, in pixels


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is left out of a plain picture."""

    shadows: bool = True
    textures: bool = True


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Pictures, and which solid of its take each pixel's middle shows (-1: floor or sky)."""

    frames: UInt8[Tensor, "clip time height width 3"]
    masks: Int8[Tensor, "clip time height width"]


def render(takes: Sequence[Take], size: tuple[int, int], device: torch.device | str = "cpu", *, look: Look = Look()) -> Rendered:
    """Draw takes of equal length at `size` (width, height); a take gives the same bits in any company."""
    lengths = {len(take.view.position) for take in takes}
    if len(lengths) != 1:
        raise ValueError(f"takes of {sorted(lengths)} frames: render takes of one length at a time")
    time, (width, height), device = lengths.pop(), size, torch.device(device)
    frames = torch.empty((len(takes), time, height, width, 3), dtype=torch.uint8, device=device)
    masks = torch.empty((len(takes), time, height, width), dtype=torch.int8, device=device)
    at_once = max(1, CHUNK.get(device.type, CHUNK["cuda"]) // (width * height))
    for style, spans in _passes(takes, time, at_once):
        picture, mask = _Pass(takes, spans, size, device, look).draw(style)
        first = 0
        for take, start, stop in spans:
            frames[take, start:stop] = picture[first : first + stop - start]
            masks[take, start:stop] = mask[first : first + stop - start]
            first += stop - start
    return Rendered(frames=frames, masks=masks)


def _passes(takes: Sequence[Take], time: int, at_once: int) -> Iterator[tuple[str, list[Span]]]:
    """Stretches of at most `at_once` frames, each of one style."""
    for style in dict.fromkeys(take.scene.style for take in takes):
        spans: list[Span] = []
        room = at_once
        for index in (index for index, take in enumerate(takes) if take.scene.style == style):
            start = 0
            while start < time:
                stop = min(time, start + room)
                spans.append((index, start, stop))
                room, start = room - (stop - start), stop
                if not room:
                    yield style, spans
                    spans, room = [], at_once
        if spans:
            yield style, spans


@dataclass(frozen=True, kw_only=True)
class _Rays:
    """Rays from their frame's eye: one a pixel, or several in each of some pixels."""

    setting: Setting
    direction: Float[Tensor, "3 *ray"]
    meetings: Sequence[Meetings]  # with solids, with their shadows on the floor
    contact: Float[Tensor, "*ray"]
    frame: Int64[Tensor, "*frame"]  # broadcasts to the rays


class _Pass:
    """One stretch of frames of one style."""

    def __init__(self, takes: Sequence[Take], spans: Sequence[Span], size: tuple[int, int], device: torch.device, look: Look) -> None:
        self.size, self.look, self.device = size, look, device
        self.chunk = gather(takes, spans, size, device)
        scenes, used = [take.scene for take in takes], {take for take, _, _ in spans}
        sides = [_side(take, size[1]) if look.textures and index in used else 0 for index, take in enumerate(takes)]
        self.setting = Setting(
            cameras=self.chunk.cameras,
            lamps=lamps(scenes, self.chunk.takes, device),
            ground=ground(scenes, sides, self.chunk.takes, device),
            sun=self.chunk.sun,
            pixel=2.0 / size[1],
        )
        self.stains = stains(takes, spans, device)

    def draw(self, style: str) -> tuple[UInt8[Tensor, "frame height width 3"], Int8[Tensor, "frame height width"]]:
        """One ray a pixel, then four more wherever a solid, a facet or a shadow ends."""
        width, height = self.size
        layers = 3 if style == "natural" else shade.LAYERS
        rays = self._all_pixels()
        picture, key = self._trace(rays, layers)
        key = key.view(-1, height, width)
        pixels = _ends(key).flatten().nonzero()[:, 0]
        fine, _ = self._trace(self._within(rays, pixels), layers)
        fine = fine.view(layers, len(SAMPLES), -1)
        picture.index_copy_(1, pixels, (fine[:, 0] + fine[:, 1] + fine[:, 2] + fine[:, 3]) * 0.25)
        picture, bright = picture.view(layers, *key.shape), shade.daylight(self.setting)
        frames = torch.empty((*key.shape, 3), dtype=torch.uint8, device=self.device)
        for part in self._tiles():
            seen = Picture(layers=picture[:, part], key=key[part], daylight=bright[part])
            frames[part] = encode(FILTERS[style](seen))
        return frames, (key >> 4).to(torch.int8) - 1

    def _tiles(self) -> list[slice]:
        """Stretches of frames that are drawn at a time where work is spent on every pixel."""
        frames, (width, height) = len(self.chunk.takes), self.size
        step = max(1, TILE.get(self.device.type, TILE["cuda"]) // (width * height))
        return [slice(first, first + step) for first in range(0, frames, step)]

    def _all_pixels(self) -> _Rays:
        (width, height), chunk = self.size, self.chunk
        shape = (len(chunk.takes), height, width)
        setting = _spread(self.setting, lambda column: column[..., None, None])
        direction = _directions(setting, self._across(), self._down()[:, None])
        contact = direction.new_zeros(shape)
        boxes = (chunk.boxes.seen, chunk.boxes.shadow, chunk.boxes.contact) if self.look.shadows else (chunk.boxes.seen,)
        meetings = [cast.meetings(box, chunk.pairs, shape) for box in boxes]
        if self.look.shadows:
            near = meetings.pop()
            contact = cast.summed(near.ray, cast.floor_contact(chunk, near, direction.flatten(1)), contact.numel()).view(shape)
        frame = torch.arange(shape[0], device=self.device)[:, None, None]
        return _Rays(setting=setting, direction=direction, meetings=meetings, contact=contact, frame=frame)

    def _within(self, rays: _Rays, pixels: Tensor) -> _Rays:
        """Several rays in each of the chosen pixels. What solids darken nearby changes slowly and is taken from the pixel."""
        width, height = self.size
        offset = torch.tensor(SAMPLES, device=self.device) * (2.0 / height)
        row = pixels // width
        frame = row // height
        setting = _spread(self.setting, lambda column: column.index_select(-1, frame).unsqueeze(-2))
        across = self._across()[pixels - row * width] + offset[:, :1]
        down = self._down()[row - frame * height] + offset[:, 1:]
        place = torch.full((rays.contact.numel(),), -1, dtype=torch.int64, device=self.device)
        place[pixels] = torch.arange(len(pixels), device=self.device)
        return _Rays(
            setting=setting,
            direction=_directions(setting, across, down),
            meetings=[cast.refine(candidates, place, len(pixels), len(SAMPLES)) for candidates in rays.meetings],
            contact=rays.contact.flatten().index_select(0, pixels).expand(len(SAMPLES), -1),
            frame=frame[None],
        )

    def _across(self) -> Float[Tensor, " width"]:
        width, height = self.size
        return (torch.arange(width, device=self.device) + (0.5 - width / 2)) * (2.0 / height)

    def _down(self) -> Float[Tensor, " height"]:
        height = self.size[1]
        return (height / 2 - 0.5 - torch.arange(height, device=self.device)) * (2.0 / height)

    def _trace(self, rays: _Rays, layers: int) -> tuple[Float[Tensor, "layer ray"], Int16[Tensor, " ray"]]:
        """The first layers of `shade`, and a key that changes where a solid (in its high bits), a facet or a shadow ends."""
        chunk, direction = self.chunk, rays.direction.flatten(1)
        shadow = torch.zeros_like(direction[0])
        key = torch.zeros_like(shadow, dtype=torch.int16)
        if self.look.shadows:
            dark = rays.meetings[1].ray[cast.floor_shadow(chunk, rays.meetings[1], direction)]
            shadow[dark], key[dark] = 1.0, 1
        colour = direction.new_empty((layers, direction.shape[1]))
        self._backdrop(rays, shadow.view(rays.contact.shape), colour.view(layers, *rays.contact.shape))
        self._paint(rays, shadow, colour, key)
        hits = cast.first_hits(chunk, rays.meetings[0], direction)
        under = self._shadow_on(hits)
        frame = chunk.pairs.frame.index_select(0, hits.pair)
        seen = shade.solids(_spread(self.setting, lambda column: column.index_select(-1, frame)), chunk.pairs, hits, under)
        colour.index_copy_(1, hits.ray, seen[:layers])
        solid = chunk.pairs.solid.index_select(0, hits.pair) + 1
        key[hits.ray] = (solid * 16 + hits.facet * 2 + under.sun).to(torch.int16)
        return colour, key

    def _backdrop(self, rays: _Rays, shadow: Tensor, out: Tensor) -> None:
        """Floor and sky, a tile of whole frames at a time."""
        if shadow.dim() == 2:
            shade.backdrop(rays.setting, rays.direction, Shadow(sun=shadow, contact=rays.contact), out)
            return
        for part in self._tiles():
            setting = _spread(rays.setting, lambda column, part=part: column[..., part, :, :])
            shade.backdrop(setting, rays.direction[:, part], Shadow(sun=shadow[part], contact=rays.contact[part]), out[:, part])

    def _paint(self, rays: _Rays, shadow: Tensor, colour: Tensor, key: Tensor) -> None:
        """The floor once more, in another colour, where something has painted it; a trail's edge is an end, as a shadow's is."""
        for order, stain in enumerate(self.stains, start=1):
            index = painted(stain, self.chunk.cameras, rays.direction, rays.frame).flatten().nonzero()[:, 0]
            frame = rays.frame.expand(rays.contact.shape).flatten().index_select(0, index)
            setting = _spread(self.setting, lambda column, frame=frame: column.index_select(-1, frame))
            setting = replace(setting, ground=replace(setting.ground, colour=stain.colour.index_select(1, frame)))
            under = Shadow(sun=shadow.index_select(0, index), contact=rays.contact.flatten().index_select(0, index))
            wet = colour.new_empty((len(colour), len(index)))
            shade.backdrop(setting, rays.direction.flatten(1).index_select(1, index), under, wet)
            wet[8:9] = 1.0  # every style draws it as it draws a thing's colour
            colour.index_copy_(1, index, wet)
            key[index] = (key[index] & 1) + 2 * min(order, 7)

    def _shadow_on(self, hits: Hits) -> Shadow:
        count = len(hits.ray)
        sun, contact = hits.point.new_zeros(count), hits.point.new_zeros(count)
        if self.look.shadows and count:
            near = cast.neighbours(self.chunk, hits)
            dark, close = cast.shadow_and_contact(self.chunk, near, hits.point)
            sun[near.ray[dark]] = 1.0
            floor = (1.0 - hits.point[2] * 2.5).clamp(0.0, 1.0) * (0.5 - 0.5 * hits.normal[2])
            contact = cast.summed(near.ray, close, count) + floor * floor
        return Shadow(sun=sun, contact=contact)


def _directions(setting: Setting, across: Tensor, down: Tensor) -> Float[Tensor, "3 *ray"]:
    cameras = setting.cameras
    return cameras.right * across + (cameras.up * down + cameras.forward)


def _side(take: Take, height: int) -> int:
    """Texels across the floor's pattern, by the camera's usual distance from where things happen."""
    position = take.view.position.astype(np.float64)
    return side_for(float(np.sqrt((position**2).sum(-1)).mean()), height, take.view.focal)


def _ends(key: Int16[Tensor, "frame height width"]) -> Bool[Tensor, "frame height width"]:
    """Pixels that differ from the one beside, above or below."""
    ends = torch.zeros(key.shape, dtype=torch.bool, device=key.device)
    for axis in (1, 2):
        length = key.shape[axis] - 1
        differs = key.narrow(axis, 0, length) != key.narrow(axis, 1, length)
        ends.narrow(axis, 0, length).logical_or_(differs)
        ends.narrow(axis, 1, length).logical_or_(differs)
    return ends


def _spread(setting: Setting, by: Callable[[Tensor], Tensor]) -> Setting:
    """The same setting for each ray instead of each frame."""

    def each(part: Cameras | Lamps | Ground) -> dict[str, Tensor]:
        columns = {field.name: getattr(part, field.name) for field in fields(part)}
        return {name: value if name == "patterns" else by(value) for name, value in columns.items()}

    return Setting(
        cameras=Cameras(**each(setting.cameras)),
        lamps=Lamps(**each(setting.lamps)),
        ground=Ground(**each(setting.ground)),
        sun=by(setting.sun),
        pixel=setting.pixel,
    )
