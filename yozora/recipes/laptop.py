"""Two CPU cores, three hours at most: the whole bundled model from random weights, at 128 pixels."""

from yozora.model import Habits, Trained
from yozora.train.clips import ClipShape
from yozora.train.generator import Batching
from yozora.train.optimize import Optimization
from yozora.train.recipe import GeneratorStage, Recipe, VAEStage, Widths
from yozora.train.vae import Adversary, Cropping
from yozora.vae import bundled_vae_config
from yozora.vae.losses import LossScales


def recipe() -> Recipe:
    """The configuration; docs/log.md has what its runs measured."""
    pixels = (
        ClipShape(frames=1, width=192, height=192, weight=0.4, pool=4800),
        ClipShape(frames=17, width=160, height=128, weight=0.6, pool=1440),
    )
    clips = (
        ClipShape(frames=1, width=128, height=128, weight=0.25, pool=24000),
        ClipShape(frames=1, width=192, height=128, weight=0.05, pool=1920),
        ClipShape(frames=25, width=128, height=128, weight=0.2, pool=2400),
        ClipShape(frames=49, width=128, height=128, weight=0.35, pool=4800),
        ClipShape(frames=49, width=160, height=96, weight=0.08, pool=960),
        ClipShape(frames=49, width=96, height=160, weight=0.07, pool=960),
    )
    return Recipe(
        name="hoshi",
        fps=12,
        workers=2,
        vae=VAEStage(
            network=bundled_vae_config(),
            cropping=Cropping(shapes=pixels, batch=2, frames=9, side=112, seed=1),
            optimization=Optimization(rate=1e-3, steps=4000, warmup=100, weight_decay=0.0),
            adversary=Adversary(begins=3200, weight=0.1, optimization=Optimization(rate=4e-4, steps=4000, warmup=3300)),
            scales=LossScales(),
            save_every=500,
        ),
        generator=GeneratorStage(
            widths=Widths(dim=256, heads=4, layers=8, feedforward=1024, text_dim=256, text_layers=3),
            batching=Batching(shapes=clips, tokens=8192, groups=8, seed=2, fps=12),
            optimization=Optimization(rate=2e-3, steps=4000, warmup=200, muon=True),
            save_every=250,
            show_every=500,
            average=0.999,
        ),
        habits=Habits(
            size=(128, 128), seconds=4, fps=12, steps=20, guidance=3.0, trained=Trained(sides=(96, 192), frames=(1, 49))
        ),
    )
