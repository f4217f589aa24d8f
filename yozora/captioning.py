"""What a file shows, in words: a picture as it is, a video in stretches of the length that the captioner has learned."""

import math
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from yozora.canvas import Canvas, Cue, Grid
from yozora.captioner import LENGTHS, Captioner, alignments, describe
from yozora.model import Habits, Model, captioner_digest, find, habits_of, load
from yozora.plan import choose_device, choose_dtype
from yozora.vae.place import place
from yozora.video import Video

TOGETHER = 16  # stretches that are captioned at once


def caption(file: str | Path | Video, *, length: str = "sentence", model: str = "hoshi") -> tuple[Cue, ...]:
    """What a video or picture shows, a text for each stretch of it with its seconds; `length` is short, sentence or full.

    Raises ValueError for a file that is neither, for a length that there is none of, and for a model without a captioner.
    """
    if length not in LENGTHS:
        raise ValueError(f"no caption is {length!r}; choose {', '.join(LENGTHS)}")
    loaded, clips = opened(file, model)
    texts = told(list(clips.values()), loaded, length)
    return tuple(Cue(text=text, start=start, end=end) for (start, end), text in zip(clips, texts, strict=True))


def fit(file: str | Path | Video, words: str, *, model: str = "hoshi") -> dict[tuple[float, float], float]:
    """How well some words fit each stretch of a video, by its first and last second: nats per word above what they have without a clip.

    Warns of words that the model does not know; raises ValueError where it knows none, and as `caption` does.
    """
    loaded, clips = opened(file, model)
    tokenizer = loaded.own_text.tokenizer
    for complaint in tokenizer.unheard(words):
        warnings.warn(complaint, stacklevel=2)
    if len(tokenizer.encode(words)) < 2:
        raise ValueError(f"{words[:100]!r} has no word that the model knows; say what the clip may show, such as 'a red ball'")
    captioner = captioner_of(loaded)
    return {span: alignments(captioner, tokenizer, [encoded(clip, loaded)], [words]).item() for span, clip in clips.items()}


def opened(file: str | Path | Video, model: str) -> tuple[Model, dict[tuple[float, float], Video]]:
    """A model with a captioner, and the stretches of a video as it has learned them, by their first and last seconds."""
    folder = find(model)
    captioner_digest(folder)  # raises where there is none, before anything is read
    habits = habits_of(folder)
    video = fitted(file if isinstance(file, Video) else Video.load(file), habits)
    device = choose_device()
    parts, fps = stretches(video, habits.trained.frames[1]), video.fps
    clips = {(part.start / fps, part.stop / fps): Video(video.frames[part.start : part.stop], fps) for part in parts}
    return load(model, device, choose_dtype(device)), clips


def told(videos: list[Video], model: Model, length: str) -> list[str]:
    """What each of some clips shows, of which none is longer than the model has learned."""
    captioner = captioner_of(model)
    tokenizer = model.own_text.tokenizer
    groups = [videos[first : first + TOGETHER] for first in range(0, len(videos), TOGETHER)]
    return [text for some in groups for text in describe(captioner, tokenizer, [encoded(one, model) for one in some], length)]


def captioner_of(model: Model) -> Captioner:
    """A model's captioner; raises ValueError where it has none."""
    if model.captioner is None:
        raise ValueError(f"{model.name} has no captioner: train one with --only captioner, or name a model that has one")
    return model.captioner


def encoded(video: Video, model: Model) -> Float[Tensor, "channel cells rows columns"]:
    """A clip as latents, padded by its edges to whole tokens of the captioner."""
    cell, patch = model.vae.config.cell, captioner_of(model).config.patch
    grid = Grid(frames=video.num_frames, height=video.height, width=video.width, cell=cell, patch=patch)
    return place(model.vae, Canvas(given=video, start=np.zeros((1, 1, 1), np.float32), script=()), grid).latents.float()


def fitted(video: Video, habits: Habits) -> Video:
    """A video at the rate of a model and at as many pixels as its own clips have, its sides in proportion."""
    scale = math.sqrt(math.prod(habits.size) / (video.width * video.height))
    scale = min(scale, habits.trained.sides[1] / max(video.width, video.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (video.width, video.height))
    return (video if video.num_frames == 1 else video.resampled(habits.fps)).resized(width, height)


def stretches(video: Video, longest: int) -> list[range]:
    """The frames of as few stretches as there must be, of nearly equal lengths."""
    edges = np.linspace(0, video.num_frames, -(-video.num_frames // longest) + 1).round().astype(int).tolist()
    return [range(start, stop) for start, stop in pairwise(edges)]
