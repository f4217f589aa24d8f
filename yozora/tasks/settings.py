"""What every request can set, and how it is checked before anything is loaded."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from yozora.quality import Quality
from yozora.tasks.complaints import shown
from yozora.tasks.lora import LoraText
from yozora.tasks.request import STRICT

LARGEST_SIDE = 8192
LARGEST_SEED = 2**63 - 1


def read_size(value: Any) -> tuple[int, int]:
    """`WxH` or a pair as (width, height); raises ValueError unless both are positive and even, with the nearest that are."""
    found = re.split(r"[xX×]", value) if isinstance(value, str) else value
    if not isinstance(found, Sequence) or len(found) != 2 or not all(re.fullmatch(r"\s*-?\d+\s*", str(side)) for side in found):
        raise ValueError(f"size {shown(value)} is not WIDTHxHEIGHT, such as 256x256")
    width, height = map(int, found)
    if width <= 0 or height <= 0:
        raise ValueError(f"size {width}x{height} has a side that is not positive; use for example 256x256")
    if width % 2 or height % 2:
        raise ValueError(f"size {width}x{height} is odd; the nearest even size is {width + width % 2}x{height + height % 2}")
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(f"size {width}x{height} has a side above {LARGEST_SIDE} pixels, more than memory holds; use 256x256")
    return width, height


Sampler = Literal["unipc", "euler", "renoise"]  # what takes a step from one level to the next
Size = Annotated[tuple[int, int], BeforeValidator(read_size)]
Positive = Field(gt=0, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Settings:
    """Settings of a generation; what is left out follows the model's habits."""

    size: Annotated[Size | None, Field(description="width x height in pixels, both even")] = None
    seconds: Annotated[float | None, Positive, Field(description="length of the clip, or of what is invented beside given clips")] = None
    frames: Annotated[int | None, Field(ge=1, description="length in the model's own frames, in place of seconds; 1 is an image")] = None
    fps: Annotated[float | None, Field(gt=0, le=120, allow_inf_nan=False, description="frames a second in the file")] = None
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED, description="number that decides the noise")] = 0
    count: Annotated[int, Field(ge=1, le=1000, description="clips to make, with seeds that follow one another")] = 1
    steps: Annotated[int | None, Field(ge=1, le=1000, description="solver steps")] = None
    guidance: Annotated[
        float | None, Field(ge=0, le=100, allow_inf_nan=False, description="how strongly the words steer; 1 is no guidance")
    ] = None
    quality: Annotated[
        Quality, Field(description="fast: in a few steps, by the model's student; standard; best: in twice the steps of standard")
    ] = "standard"
    distilled: Annotated[
        bool, Field(description="the weights, or what --lora adds, make a clip in a few steps: 4 and no guidance unless asked otherwise")
    ] = False
    sampler: Annotated[
        Sampler | None,
        Field(description="unipc: order 2; euler: order 1; renoise: to the data and back to noise of the next level"),
    ] = None
    shift: Annotated[
        float | None, Field(ge=1, le=100, allow_inf_nan=False, description="how far steps move towards noise; 1 is not at all")
    ] = None
    negative: Annotated[str, Field(description="words to steer away from")] = ""
    model: Annotated[str, Field(min_length=1, description="bundled model, folder, or OWNER/NAME of Hugging Face")] = "hoshi"
    lora: Annotated[
        tuple[LoraText, ...], Field(description="FILE:STRENGTH of additions to the model's weights; can be given several times")
    ] = ()

    @model_validator(mode="after")
    def _one_length(self) -> "Settings":
        if self.seconds is not None and self.frames is not None:
            raise ValueError("seconds and frames both say how long the clip is; leave one of them out")
        return self

    @model_validator(mode="after")
    def _fast_is_settled(self) -> "Settings":
        """A student has learned its steps and its guidance, and has nothing to steer away with."""
        given = [name for name in ("steps", "guidance", "sampler", "shift") if getattr(self, name) is not None]
        given += [name for name in ("negative", "distilled") if getattr(self, name)]
        if self.quality == "fast" and given:
            raise ValueError(f"fast has its steps and guidance built in; leave out --{given[0]}, or choose --quality standard")
        return self

    @model_validator(mode="after")
    def _seeds_suffice(self) -> "Settings":
        if self.seed + self.count - 1 > LARGEST_SEED:
            raise ValueError(
                f"{self.count} clips from seed {self.seed} on need seeds above the largest, {LARGEST_SEED}; use a smaller --seed"
            )
        return self
