"""One H200-class card, 25 minutes at most: the bundled model at up to 256 pixels and 12 frames a second, clips made on the card."""

from yozora.model import Trained
from yozora.train.clips import ClipShape
from yozora.train.fresh import Window
from yozora.train.generator import Batching
from yozora.train.optimize import Optimization
from yozora.train.recipe import GeneratorStage, Recipe, VAEStage, bundled_captioner, bundled_habits, bundled_student, bundled_widths
from yozora.train.vae import Adversary, Cropping
from yozora.vae import LossScales, bundled_vae_config


def recipe() -> Recipe:
    """The configuration; it has not met a GPU yet."""
    pixels = (
        ClipShape(frames=1, width=320, height=320, weight=0.3, pool=3840),
        ClipShape(frames=17, width=256, height=256, weight=0.7, pool=1920),
    )
    clips = (
        ClipShape(frames=1, width=256, height=256, weight=0.1, families="every"),
        ClipShape(frames=1, width=384, height=384, weight=0.05, families="every"),
        ClipShape(frames=25, width=192, height=192, weight=0.15, families="every"),
        ClipShape(frames=49, width=256, height=256, weight=0.4, families="every"),
        ClipShape(frames=49, width=320, height=192, weight=0.1, families="every"),
        ClipShape(frames=49, width=192, height=320, weight=0.1, families="every"),
        ClipShape(frames=49, width=128, height=128, weight=0.1, families="every"),
    )
    steps = 6000
    batching = Batching(shapes=clips, tokens=65536, groups=16, seed=2, fps=12.0)
    return Recipe(
        name="hoshi",
        workers=15,
        card=20,  # by its activations, not measured
        window=Window(width=12, block=24, every=8, ahead=2),
        vae=VAEStage(
            network=bundled_vae_config(),
            cropping=Cropping(shapes=pixels, batch=16, frames=9, side=192, seed=1, noise=0.4),
            optimization=Optimization(rate=1e-3, steps=steps, warmup=50, weight_decay=0.0),
            adversary=Adversary(begins=5000, weight=0.05, optimization=Optimization(rate=4e-4, steps=steps, warmup=5050)),
            scales=LossScales(structure=0.1, square=3.0),
            save_every=1000,
        ),
        generator=GeneratorStage(
            widths=bundled_widths(),
            scenes=12000,
            batching=batching,
            optimization=Optimization(rate=2e-3, steps=12000, warmup=300, muon=True),
            save_every=1000,
            show_every=1000,
            average=0.9995,
            posthoc=True,
        ),
        captioner=bundled_captioner(batching, tokens=65536, steps=4000, opening=400),
        student=bundled_student(steps=2000),
        habits=bundled_habits((256, 256), 12.0, Trained(sides=(128, 384), frames=(1, 49))),
    )
