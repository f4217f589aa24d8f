"""Pictures of simulated scenes: a batched ray caster, the same on every device, with shadows and smooth edges."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int8, Int16, UInt8
from torch import Tensor

from yozora.world import cast, shade
from yozora.world.cast import Meetings
from yozora.world.chunk import Cameras, Chunk, Span, gather
from yozora.world.ground import Ground, Lamps, ground, lamps, side_for
from yozora.world.shade import Setting, Shadow
from yozora.world.styles import STYLE_FILTERS, Picture, encode
from yozora.world.take import Take

CHUNK = {"cpu": 1 << 18, "cuda": 1 << 23}  # rays at a time: on a CPU as many as its cache holds
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
    time, (width, height) = lengths.pop(), size
    frames = torch.empty((len(takes), time, height, width, 3), dtype=torch.uint8, device=device)
    masks = torch.empty((len(takes), time, height, width), dtype=torch.int8, device=device)
    for style, spans in _passes(takes, time, _frames_at_once(size, torch.device(device))):
        picture, mask = _Pass(takes, spans, size, torch.device(device), look).draw(style)
        first = 0
        for take, start, stop in spans:
            frames[take, start:stop] = picture[first : first + stop - start]
            masks[take, start:stop] = mask[first : first + stop - start]
            first += stop - start
    return Rendered(frames=frames, masks=masks)


def _frames_at_once(size: tuple[int, int], device: torch.device) -> int:
    return max(1, CHUNK.get(device.type, CHUNK["cuda"]) // (size[0] * size[1]))


def _passes(takes: Sequence[Take], time: int, at_once: int) -> Iterator[tuple[str, list[Span]]]:
    """Stretches of at most `at_once` frames, each of one style."""
    for style in dict.fromkeys(take.scene.style for take in takes):
        spans, room = [], at_once
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


class _Pass:
    """One stretch of frames of one style."""

    def __init__(self, takes: Sequence[Take], spans: Sequence[Span], size: tuple[int, int], device: torch.device, look: Look) -> None:
        self.size, self.look = size, look
        self.chunk = gather(takes, spans, size, device)
        scenes = [take.scene for take in takes]
        used = {take for take, _, _ in spans}
        sides = [_side(take, size[1]) if look.textures and index in used else 0 for index, take in enumerate(takes)]
        self.setting = Setting(
            cameras=self.chunk.cameras,
            lamps=lamps(scenes, self.chunk.takes, device),
            ground=ground(scenes, sides, self.chunk.takes, device),
            sun=self.chunk.sun,
            pixel=2.0 / size[1],
        )
        shape = (len(self.chunk.takes), size[1], size[0])
        boxes, pairs = self.chunk.boxes, self.chunk.pairs
        wanted = (boxes.seen, boxes.shadow, boxes.contact) if look.shadows else (boxes.seen,)
        self.lists = [cast.meetings(box, pairs, shape) for box in wanted]

    def draw(self, style: str) -> tuple[UInt8[Tensor, "frame height width 3"], Int8[Tensor, "frame height width"]]:
        """One ray a pixel, then four more wherever a solid, a facet or a shadow ends."""
        (width, height), frames = self.size, len(self.chunk.takes)
        layers = 3 if style == "natural" else len(shade.LAYERS)
        device = self.chunk.sun.device
        u = (torch.arange(width, device=device) + 0.5 - width / 2) * (2.0 / height)
        v = (height / 2 - 0.5 - torch.arange(height, device=device)) * (2.0 / height)
        picture, key = self._trace(_spread(self.setting, lambda column: column[..., None, None]), (u, v[:, None]), self.lists)
        picture = picture[:layers]
        key = key.view(frames, height, width)
        pixels = _ends(key).flatten().nonzero()[:, 0]
        place = torch.full((key.numel(),), -1, dtype=torch.int64, device=device)
        place[pixels] = torch.arange(len(pixels), device=device)
        offset = torch.tensor(SAMPLES, device=device) * (2.0 / height)
        row = pixels // width
        frame = row // height
        many = (u[pixels - row * width] + offset[:, :1], v[row - frame * height] - offset[:, 1:])
        lists = [cast.refine(candidates, place, len(pixels), len(SAMPLES)) for candidates in self.lists]
        fine, _ = self._trace(_spread(self.setting, lambda column: column.index_select(-1, frame).unsqueeze(-2)), many, lists)
        fine = fine[:layers].view(layers, len(SAMPLES), -1)
        picture.index_copy_(1, pixels, (fine[:, 0] + fine[:, 1] + fine[:, 2] + fine[:, 3]) * 0.25)
        mask = (key >> 4).to(torch.int8) - 1
        seen = Picture(layers=picture.view(layers, frames, height, width), key=key)
        return encode(STYLE_FILTERS[style](seen)), mask

    def _trace(
        self, setting: Setting, at: tuple[Tensor, Tensor], lists: Sequence[Meetings]
    ) -> tuple[Float[Tensor, "layer ray"], Int16[Tensor, " ray"]]:
        """Layers of `shade.LAYERS`, and a key that changes where a solid (in its high bits), a facet or a shadow ends."""
        chunk, cameras = self.chunk, setting.cameras
        direction = cameras.right * at[0] + (cameras.up * at[1] + cameras.forward)
        flat = direction.flatten(1)
        depth = shade.floor_distance(setting, direction)
        rays = flat.shape[1]
        shadow, contact = flat.new_zeros(rays), flat.new_zeros(rays)
        key = torch.zeros(rays, dtype=torch.int16, device=flat.device)
        if self.look.shadows:
            point = (cameras.eye + depth * direction).flatten(1)
            blocked = lists[1].ray[cast.blocked(chunk, lists[1], point)]
            shadow[blocked], key[blocked] = 1.0, 1
            contact = cast.summed(lists[2].ray, cast.contact_of(chunk, lists[2], point), rays)
        shape = depth.shape
        layers = shade.backdrop(setting, direction, depth, Shadow(sun=shadow.view(shape), contact=contact.view(shape))).flatten(1)
        hits = cast.first_hits(chunk, lists[0], flat)
        under = self._shadow_on(hits)
        frame = chunk.pairs.frame.index_select(0, hits.pair)
        seen = shade.solids(_spread(self.setting, lambda column: column.index_select(-1, frame)), chunk.pairs, hits, under)
        layers.index_copy_(1, hits.ray, seen)
        solid = chunk.pairs.solid.index_select(0, hits.pair) + 1
        key[hits.ray] = (solid * 16 + hits.facet * 2 + under.sun).to(torch.int16)
        return layers, key

    def _shadow_on(self, hits: cast.Hits) -> Shadow:
        count = len(hits.ray)
        sun, contact = hits.point.new_zeros(count), hits.point.new_zeros(count)
        if self.look.shadows and count:
            near = cast.neighbours(self.chunk, hits)
            sun[near.ray[cast.blocked(self.chunk, near, hits.point)]] = 1.0
            floor = (1.0 - hits.point[2] * 2.5).clamp(0.0, 1.0) * (0.5 - 0.5 * hits.normal[2])
            contact = cast.summed(near.ray, cast.contact_of(self.chunk, near, hits.point), count) + floor * floor
        return Shadow(sun=sun, contact=contact)


def _side(take: Take, height: int) -> int:
    """Texels across the floor's pattern, by the camera's usual distance from where things happen."""
    position = take.view.position.astype(np.float64)
    return side_for(float(np.sqrt((position**2).sum(-1)).mean()), height, take.view.focal)


def _ends(key: Int16[Tensor, "frame height width"]) -> Bool[Tensor, "frame height width"]:
    """Pixels that differ from the one beside, above or below."""
    ends = torch.zeros(key.shape, dtype=torch.bool, device=key.device)
    for axis in (1, 2):
        length = key.shape[axis] - 1
        here, there = ends.narrow(axis, 0, length), ends.narrow(axis, 1, length)
        differs = key.narrow(axis, 0, length) != key.narrow(axis, 1, length)
        here |= differs
        there |= differs
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
