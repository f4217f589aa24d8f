"""A scene put on the stage: everything where it begins, and all that sets it going."""

import numpy as np

from yozora.world.scene import Scene
from yozora.world.stage import PERFORM, Stage, bystander
from yozora.world.stage_changes import fall_apart, paint, pour, seesaw, tower

EVERY = PERFORM | {"tower": tower, "paint": paint, "seesaw": seesaw, "break": fall_apart, "pour": pour}


def build(scene: Scene, duration: float) -> Stage:
    """The stage of a scene whose events share `duration` seconds."""
    rng = np.random.default_rng(scene.floor.seed)
    stage = Stage(objects=[bystander(body, rng) for body in scene.objects])
    for order, event in enumerate(scene.events):
        EVERY[event.kind](stage, scene, event, duration * order / len(scene.events))
    return stage
