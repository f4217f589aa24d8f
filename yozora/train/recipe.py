"""A run as data: a recipe is a function that returns one of these, complete and frozen."""

from dataclasses import dataclass, replace

from yozora.model import Habits, Trained
from yozora.train.fresh import Window
from yozora.train.generator import Aids, Batching
from yozora.train.optimize import Optimization
from yozora.train.vae import Adversary, Cropping
from yozora.vae import VAEConfig
from yozora.vae.losses import LossScales

STILLS = 0.2  # of their share in the generator is that of stills in the captioner: they show no motion, and have as many words


@dataclass(frozen=True, kw_only=True)
class VAEStage:
    """Training of the video compression network."""

    network: VAEConfig
    cropping: Cropping
    optimization: Optimization
    adversary: Adversary
    scales: LossScales
    save_every: int


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Sizes of the two networks of the generator; what follows from the VAE and the vocabulary is not set."""

    dim: int
    heads: int
    layers: int
    feedforward: int
    text_dim: int
    text_layers: int
    patch: tuple[int, int, int] = (1, 2, 2)
    near: bool = False


def bundled_widths() -> Widths:
    """Those of the model that comes with Yozora, for every recipe that may go on from its weights."""
    return Widths(dim=256, heads=4, layers=6, feedforward=1024, text_dim=192, text_layers=2, patch=(1, 1, 1))


@dataclass(frozen=True, kw_only=True)
class GeneratorStage:
    """Training of text encoder and transformer; `average` is the decay of the running average of the weights.

    The tokenizer learns the words of the captions of `scenes` scenes. `posthoc`: averages of other lengths can be made afterwards.
    """

    widths: Widths
    scenes: int
    batching: Batching
    optimization: Optimization
    save_every: int
    show_every: int
    average: float
    aids: Aids = Aids()
    posthoc: bool = False


@dataclass(frozen=True, kw_only=True)
class CaptionerWidths:
    """Sizes of the captioner."""

    dim: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    feedforward: int
    cell_dim: int
    cell_layers: int
    patch: tuple[int, int, int] = (1, 2, 2)


@dataclass(frozen=True, kw_only=True)
class CaptionerStage:
    """Training of the captioner on the generator's clips; what follows from the VAE and the vocabulary is not set in its sizes.

    `noise` is the most that is added to latents, in deviations of each channel; `mirrored`: a mirror shows one clip in two, which
    latents that are linear in pixels allow.
    """

    widths: CaptionerWidths
    batching: Batching
    noise: float
    mirrored: bool
    optimization: Optimization
    save_every: int
    average: float


def bundled_habits(size: tuple[int, int], fps: float, trained: Trained) -> Habits:
    """How the model that comes with Yozora is used, at the size and rate of a recipe."""
    return Habits(size=size, seconds=4.0, fps=fps, steps=30, guidance=4.0, guided=(0.7, 1.0), restarts=4, eta=1.0, trained=trained)


@dataclass(frozen=True, kw_only=True)
class StudentStage:
    """Training of a student of few steps on the generator's clips, as additions of rank `rank` to the transformer.

    Its leaps end where the native sampling of the model would stop; each is as long as `fine` steps of the teacher. `consistent`: how it
    is taught (`train/student.py`).
    """

    leaps: int
    fine: int
    consistent: bool = False
    rank: int
    tokens: int
    optimization: Optimization
    save_every: int
    average: float


def bundled_student(steps: int) -> StudentStage:
    """That of the model that comes with Yozora."""
    how = Optimization(rate=2e-3, steps=steps, warmup=50, weight_decay=0.0)
    return StudentStage(leaps=4, fine=4, rank=8, tokens=2048, optimization=how, save_every=250, average=0.99)


def bundled_captioner(batching: Batching, tokens: int, steps: int, opening: int) -> CaptionerStage:
    """That of the model that comes with Yozora, on clips of the generator's `batching`: most of the time for what moves."""
    shapes = tuple(replace(shape, weight=shape.weight * (STILLS if shape.frames == 1 else 1)) for shape in batching.shapes)
    return CaptionerStage(
        widths=CaptionerWidths(dim=192, heads=4, encoder_layers=4, decoder_layers=2, feedforward=576, cell_dim=96, cell_layers=2),
        batching=replace(batching, shapes=shapes, tokens=tokens, groups=8, opening=opening, stills=0.5),
        noise=0.3,
        mirrored=True,
        optimization=Optimization(rate=4e-3, steps=steps, warmup=100, muon=True),
        save_every=250,
        average=0.998,
    )


@dataclass(frozen=True, kw_only=True)
class Retold:
    """Captions that the captioner of a model writes in place of the true ones: of one length, whichever is asked for."""

    model: str
    length: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run, from random weights to a model folder.

    `workers` processes simulate and film clips: beforehand, `ClipShape.pool` of each shape, or for the generator, where there
    is a `window`, as it goes and on the training device. Where clips are `retold`, the generator learns from what a captioner says,
    from random weights and in the stage `anew` in place of its own, if there is one: on the same clips. Runs of the generator that differ
    by `variant` lie beside one another. `card`: GiB of memory of the GPU that it is made for, 0 where it needs none.
    """

    name: str
    vae: VAEStage
    generator: GeneratorStage
    captioner: CaptionerStage
    student: StudentStage
    habits: Habits
    workers: int
    window: Window | None
    variant: str = ""
    retold: Retold | None = None
    anew: GeneratorStage | None = None
    card: int = 0
