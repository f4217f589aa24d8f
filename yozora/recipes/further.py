"""Two CPU cores, two hours: on from the bundled model, with most of the time for clips and for every kind of canvas."""

from dataclasses import replace

from yozora.recipes import laptop
from yozora.train.canvases import Mixture
from yozora.train.clips import ClipShape
from yozora.train.recipe import Recipe, bundled_captioner, bundled_student


def recipe() -> Recipe:
    """The configuration, for `--from hoshi`; its clips are others than those of `laptop`. docs/log.md has what its runs measured."""
    clips = (
        ClipShape(frames=1, width=128, height=128, weight=0.14, pool=9600, families="every"),
        ClipShape(frames=1, width=192, height=192, weight=0.04, pool=1200, families="every"),
        ClipShape(frames=1, width=256, height=256, weight=0.04, pool=576, families="every"),
        ClipShape(frames=17, width=128, height=128, weight=0.08, pool=1440, families="every"),
        ClipShape(frames=33, width=128, height=128, weight=0.46, pool=6000, families="every"),
        ClipShape(frames=33, width=160, height=96, weight=0.07, pool=480, families="every"),
        ClipShape(frames=33, width=96, height=160, weight=0.07, pool=480, families="every"),
        ClipShape(frames=33, width=192, height=192, weight=0.10, pool=480, families="every"),
    )
    whole = laptop.recipe()
    stage = whole.generator
    mixture = Mixture(invent=0.7, given=0.2, levels=0.1, repainted=0.4)
    batching = replace(stage.batching, shapes=clips, seed=6, turn=2, opening=0, mixture=mixture, middle=0.15)
    generator = replace(
        stage,
        batching=replace(batching, tokens=2048, groups=3),
        optimization=replace(stage.optimization, steps=1500, rate=2e-4, warmup=100),
        save_every=500,
        show_every=500,
        average=0.9995,
        posthoc=True,
    )
    anew = replace(  # pictures first, as from random weights; everything is invented, so that words have the most to say
        stage,
        batching=replace(batching, opening=400, mixture=Mixture(invent=1.0, given=0.0, levels=0.0), middle=0.0),
        optimization=replace(stage.optimization, steps=900, rate=2e-3, warmup=100),
    )
    captioner = bundled_captioner(batching, tokens=4608, steps=600, opening=0)
    captioner = replace(captioner, optimization=replace(captioner.optimization, rate=1.5e-3))  # from one that can speak
    return replace(whole, generator=generator, anew=anew, captioner=captioner, student=bundled_student(steps=300))
