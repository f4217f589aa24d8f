"""What a model is made of, and how it is used."""

import copy
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from yozora.captioner import Captioner
from yozora.flow.schedule import Schedule
from yozora.quality import Quality
from yozora.text import UMT5, PictureEncoder, TextEncoder
from yozora.transformer import lora
from yozora.transformer.experts import Experts
from yozora.transformer.model import Transformer
from yozora.vae import VideoVAE

# What of a clip has a noise level of its own to a network: each token, each latent frame, or the clip alone.
Hearing = Literal["token", "frame", "clip"]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a model is used unless the request says otherwise, and the range it was trained in."""

    size: tuple[int, int]  # width, height in pixels
    seconds: float
    fps: float
    steps: int
    guidance: float
    trained: "Trained"
    guided: tuple[float, float] = (0.0, 1.0)  # noise levels between which guidance is at work
    restarts: int = 0  # how often a student takes each leap but the first again
    eta: float = 0.0  # how much of the noise each step renews: 0 none, 1 as much as the reverse diffusion
    schedule: Schedule = Schedule()
    hears: Hearing = "token"
    pictures: int = 0  # how many given pictures the weights cannot do without
    boundary: float = 0.0  # noise level below which another network goes on, with guidance `guidance_low`
    guidance_low: float | None = None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Sides in pixels and frames between which the model has seen clips; `frames` is also what a request may ask four times of."""

    sides: tuple[int, int]
    frames: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Student:
    """Additions to a transformer (`transformer/lora.py`) with which it gets from noise to data in so many steps, guidance included."""

    leaps: int
    additions: dict[str, Tensor]
    digest: str = ""  # of its file, where it is from one


@dataclass(frozen=True, kw_only=True)
class Model:
    """Everything that turns words into pixels, and back where there is a captioner; `name` and `digest` go into what it makes."""

    name: str
    digest: str
    vae: VideoVAE
    text: TextEncoder | UMT5
    transformer: Transformer | Experts
    habits: Habits
    captioner: Captioner | None = None
    student: Student | None = None
    eyes: PictureEncoder | None = None

    @property
    def vae_digest(self) -> str:
        """Hash of the VAE alone, the first part of the digest: latents of another are of no use."""
        return self.digest.partition("-")[0]

    @property
    def own_text(self) -> TextEncoder:
        """The text encoder of a model of ours, which can be trained and saved; raises ValueError for open weights."""
        if not isinstance(self.text, TextEncoder):
            raise ValueError(self._foreign)
        return self.text

    @property
    def own_transformer(self) -> Transformer:
        """The same of the transformer."""
        if not isinstance(self.transformer, Transformer):
            raise ValueError(self._foreign)
        return self.transformer

    @property
    def _foreign(self) -> str:
        return f"{self.name} holds open weights, which are used as they are; name a model of ours, such as hoshi"

    def of(self, quality: Quality) -> "Model":
        """The model that makes clips of a quality: for `fast` the student, which it must have."""
        if quality != "fast":
            return self
        assert self.student, "asked for before its weights are loaded"
        transformer = copy.deepcopy(self.transformer)
        lora.merge(transformer, self.student.additions)
        return replace(self, digest=f"{self.digest}-{self.student.digest}", transformer=transformer, student=None)
