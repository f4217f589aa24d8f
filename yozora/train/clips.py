"""Training clips of the physics world, made from their numbers alone."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import torch
from jaxtyping import Int8, UInt8
from torch import Tensor

from yozora.train.before import before
from yozora.train.draws import key
from yozora.train.pool import Block
from yozora.world.heldout import check_trainable, reserved_phrase
from yozora.world.render import render
from yozora.world.sample import named, sample
from yozora.world.scene import Scene
from yozora.world.simulate import simulate
from yozora.world.take import Take
from yozora.world.words import Captions, caption


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """One size of clip in a mixture; `weight` is its share of the tokens, `pool` its number of distinct clips (0: always fresh).

    What happens in them is of `families`, as `world.sample.named` reads them. Where `out_of` names a larger (width, height), clips are the
    middles of pictures of that size.
    """

    frames: int
    width: int
    height: int
    weight: float
    pool: int = 0
    families: str = "usual"
    out_of: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """Such as `49x128x96` (frames, width, height), what it is cut out of, and the families if they are not the usual ones."""
        size = f"{self.frames}x{self.width}x{self.height}" + ("-of-{}x{}".format(*self.out_of) if self.out_of else "")
        return size if self.families == "usual" else f"{size}-{self.families.replace(',', '-')}"

    @property
    def whole(self) -> "ClipShape":
        """The shape of what it is cut out of: the same scenes, seen whole."""
        return replace(self, width=self.filmed[0], height=self.filmed[1], out_of=None)

    @property
    def filmed(self) -> tuple[int, int]:
        """The size (width, height) of the pictures that are filmed."""
        return self.out_of or (self.width, self.height)

    def cut(self, frames: Tensor) -> Tensor:
        """The middle of filmed pictures, `[clip time height width ...]`."""
        (width, height), kept = self.filmed, (self.width, self.height)
        left, top = (width - kept[0]) // 2, (height - kept[1]) // 2
        return frames[:, :, top : top + kept[1], left : left + kept[0]]


@dataclass(frozen=True)
class Clips:
    """Rendered clips of one shape with the ground truth that training uses, and what the repainted among them were before."""

    frames: UInt8[Tensor, "clip time height width 3"]
    masks: Int8[Tensor, "clip time height width"]
    before: UInt8[Tensor, "repainted time height width 3"]
    captions: tuple[Captions, ...]


def scene_of(seed: int, number: int, shape: ClipShape) -> Scene:
    """The scene of training clip `number`; raises ValueError for one that is held out."""
    scene = sample(key(seed, shape.whole.name, number, "scene"), "train", named(shape.families))
    check_trainable(scene, shape.filmed)
    return scene


def shoot(seed: int, number: int, shape: ClipShape, fps: float) -> tuple[Take, Captions]:
    """Sample, check and simulate training clip `number`; raises ValueError for a scene that is held out."""
    take = simulate(scene_of(seed, number, shape), frames=shape.frames, fps=fps, aspect=shape.filmed[0] / shape.filmed[1])
    captions = caption(take.scene, key(seed, shape.whole.name, number, "caption"), "train", take)
    if any(map(reserved_phrase, captions.phrasings)):
        raise ValueError(f"a caption of clip {number} uses a phrasing that is held out of training")
    return take, captions


def develop(seed: int, numbers: Sequence[int], shots: Iterable[tuple[Take, Captions]], shape: ClipShape, device: torch.device) -> Clips:
    """Render the simulated scenes of training clips `numbers` on `device`."""
    takes, captions = zip(*shots, strict=True)
    rendered = render(takes, shape.filmed, device)
    earlier = before(key(seed, shape.whole.name), numbers, takes, rendered.frames)
    return Clips(shape.cut(rendered.frames), shape.cut(rendered.masks), shape.cut(earlier), tuple(captions))


def film(seed: int, numbers: Sequence[int], shape: ClipShape, fps: float, device: torch.device) -> Clips:
    """Training clips `numbers` of a shape: bit-equal whenever and in whatever company they are made."""
    return develop(seed, numbers, (shoot(seed, number, shape, fps) for number in numbers), shape, device)


@dataclass(frozen=True, kw_only=True)
class FilmMaker:
    """Makes the clips of one shape as blocks of pixels; runs in a worker process too."""

    shape: ClipShape
    seed: int
    fps: float

    def __call__(self, numbers: Sequence[int]) -> Block:
        """Rows `frames` and `masks` of each clip, `before` of the repainted ones, and its captions."""
        return as_block(film(self.seed, numbers, self.shape, self.fps, torch.device("cpu")))


def as_block(clips: Clips) -> Block:
    """Clips as tensors, and their captions as plain data."""
    return {"frames": clips.frames, "masks": clips.masks, "before": clips.before}, [spoken(captions) for captions in clips.captions]


def spoken(captions: Captions) -> dict:
    """The captions of a clip as plain data: three lengths and a script with its spans in parts of the clip."""
    return {name: getattr(captions, name) for name in ("short", "sentence", "full")} | {"script": [asdict(cue) for cue in captions.script]}
