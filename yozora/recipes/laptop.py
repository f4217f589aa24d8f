"""Two CPU cores, three hours at most: the whole bundled model from random weights, at 128 pixels."""

from yozora.model import Trained
from yozora.train.clips import ClipShape
from yozora.train.generator import Batching
from yozora.train.optimize import Optimization
from yozora.train.recipe import GeneratorStage, Recipe, VAEStage, bundled_captioner, bundled_habits, bundled_student, bundled_widths
from yozora.train.vae import Adversary, Cropping
from yozora.vae import bundled_vae_config
from yozora.vae.losses import LossScales


def recipe() -> Recipe:
    """The configuration; docs/log.md has what its runs measured."""
    pixels = (
        ClipShape(frames=1, width=192, height=192, weight=0.3, pool=1920),
        ClipShape(frames=17, width=160, height=128, weight=0.7, pool=576),
    )
    clips = (
        ClipShape(frames=1, width=128, height=128, weight=0.30, pool=36000),
        ClipShape(frames=1, width=192, height=192, weight=0.05, pool=2400),
        ClipShape(frames=17, width=128, height=128, weight=0.15, pool=2400),
        ClipShape(frames=33, width=128, height=128, weight=0.38, pool=8016),
        ClipShape(frames=33, width=160, height=96, weight=0.06, pool=768),
        ClipShape(frames=33, width=96, height=160, weight=0.06, pool=768),
    )
    batching = Batching(shapes=clips, tokens=8192, groups=7, seed=2, fps=8.0, opening=2300)
    return Recipe(
        name="hoshi",
        workers=2,
        window=None,
        vae=VAEStage(
            network=bundled_vae_config(),
            cropping=Cropping(shapes=pixels, batch=1, frames=9, side=112, seed=1, noise=0.4),
            optimization=Optimization(rate=1e-3, steps=6000, warmup=50, weight_decay=0.0),
            adversary=Adversary(begins=5600, weight=0.05, optimization=Optimization(rate=4e-4, steps=6000, warmup=5650)),
            scales=LossScales(structure=0.1, square=3.0),
            save_every=500,
        ),
        generator=GeneratorStage(
            widths=bundled_widths(),
            scenes=12000,
            batching=batching,
            optimization=Optimization(rate=2e-3, steps=4200, warmup=100, muon=True),
            save_every=200,
            show_every=500,
            average=0.999,
        ),
        captioner=bundled_captioner(batching, tokens=4608, steps=2000, opening=600),
        student=bundled_student(steps=600),
        habits=bundled_habits((128, 128), 8.0, Trained(sides=(96, 192), frames=(1, 33))),
    )
