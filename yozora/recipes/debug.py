"""A minute on two CPU cores: tiny networks learn one clip by heart, which shows that every stage works."""

from dataclasses import replace

from yozora.model import Habits, Trained
from yozora.train.canvases import Mixture
from yozora.train.clips import ClipShape
from yozora.train.generator import Batching
from yozora.train.optimize import Optimization
from yozora.train.recipe import CaptionerStage, CaptionerWidths, GeneratorStage, Recipe, StudentStage, VAEStage, Widths
from yozora.train.vae import Adversary, Cropping
from yozora.vae import LossScales, VAEConfig


def recipe() -> Recipe:
    """The configuration; tests/test_debug_recipe.py says what it must reach."""
    clip = ClipShape(frames=9, width=64, height=64, weight=1.0, pool=1)
    batching = Batching(shapes=(clip,), tokens=384, groups=1, seed=0, fps=12.0, mixture=Mixture(invent=0.8, given=0.1, levels=0.1))
    return Recipe(
        name="debug",
        workers=0,
        window=None,
        vae=VAEStage(
            network=VAEConfig(
                encoder_widths=(16, 32, 32),
                decoder_widths=(32, 32, 32),
                blocks=1,
                time_down=(True, True),
                channels=8,
                fold=4,
                taps=(1, 3),
                shortcut="pool",
            ),
            cropping=Cropping(shapes=(clip,), batch=1, frames=9, side=64, seed=0, images=0.3),
            optimization=Optimization(rate=4e-3, steps=150, warmup=10, weight_decay=0.0),
            adversary=Adversary(begins=140, weight=0.05, optimization=Optimization(rate=1e-3, steps=150, warmup=10)),
            scales=LossScales(),
            save_every=150,
        ),
        generator=GeneratorStage(
            widths=Widths(dim=64, heads=2, layers=2, feedforward=128, text_dim=32, text_layers=1),
            scenes=200,
            batching=batching,
            optimization=Optimization(rate=4e-3, steps=200, warmup=20, muon=True),
            save_every=40,
            show_every=200,
            average=0.97,
        ),
        captioner=CaptionerStage(
            widths=CaptionerWidths(dim=32, heads=2, encoder_layers=1, decoder_layers=1, feedforward=64, cell_dim=32, cell_layers=1),
            batching=replace(batching, tokens=24),
            noise=0.1,
            mirrored=False,
            optimization=Optimization(rate=1e-2, steps=60, warmup=5, muon=True),
            save_every=60,
            average=0.9,
        ),
        student=StudentStage(
            leaps=2,
            fine=3,
            rank=4,
            tokens=384,
            optimization=Optimization(rate=1e-2, steps=20, warmup=5, weight_decay=0.0),
            save_every=20,
            average=0.9,
        ),
        habits=Habits(size=(64, 64), seconds=0.75, fps=12.0, steps=12, guidance=1.0, trained=Trained(sides=(64, 64), frames=(9, 9))),
    )
