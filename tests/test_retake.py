"""Takes made of others: a ring has no seam, and a clip that melts begins as one and ends as the other."""

import numpy as np

from yozora.evaluate.truth import act
from yozora.evaluate.verbs.edit import crossing, pick, shoot
from yozora.evaluate.verbs.retake import STRAIGHT, _on_the_way, closed, melted
from yozora.tasks.request import Shot

SHOT = Shot(width=32, height=32, frames=24, fps=8.0)


def test_a_ring_is_as_simulated_first_and_goes_straight_through_both_its_seams() -> None:
    scene, half = pick(500, lambda one: one.camera.kind == "static" and crossing(one)), 7
    ring = closed(scene, SHOT, half)
    place = ring.poses.position
    assert np.array_equal(place[:half], act(scene, SHOT).poses.position[:half])
    way = np.diff(np.concatenate([place, place]), axis=0)
    for straight, step in ((way[half - 1 :], way[half - 2]), (way[len(place) - STRAIGHT :], way[0])):
        assert np.allclose(straight[:STRAIGHT], step, atol=1e-5)
        assert np.linalg.norm(step, axis=-1).max() > 0.01  # something moves there
    assert np.allclose(ring.poses.rotation @ ring.poses.rotation.swapaxes(-1, -2), np.eye(3), atol=1e-5)
    assert (np.linalg.det(ring.poses.rotation) > 0).all()


def test_what_melts_begins_as_one_clip_and_ends_as_the_other() -> None:
    scene = pick(500, crossing)
    other = pick(501, lambda one: crossing(one) and len(one.objects) == len(scene.objects))
    (take, first), (goal, second) = shoot(scene, SHOT), shoot(other, SHOT)
    weight = np.repeat([0.0, 0.5, 1.0], 8)
    made = melted(take, goal, weight, SHOT)
    assert np.array_equal(made.frames[:8], first.frames[:8]) and np.array_equal(made.frames[16:], second.frames[16:])
    middle = _on_the_way(take, goal, weight)[10]
    assert np.allclose(middle.poses.position[0], (take.poses.position[10] + goal.poses.position[10]) / 2, atol=1e-6)
    colours = np.array([[one.solids[0].colour, one.solids[0].half] for one in (take, goal)])
    assert np.allclose([middle.solids[0].colour, middle.solids[0].half], colours.mean(0))
