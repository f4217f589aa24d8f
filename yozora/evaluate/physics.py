"""M5 and M6: from a known start, things go where the engine has them, and fall as fast as they do on Earth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from yozora.evaluate.measures import Score
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Spec
from yozora.evaluate.thresholds import limits
from yozora.evaluate.trails import engine_error
from yozora.world.ranges import FALL
from yozora.world.take import Take

MOVED = 0.03  # metres below where it was let go, from which on a thing is on its way
CLEAR = 0.03  # metres above where it comes to rest, down to which it is still in the air
RISE = 0.05  # of the height that it fell from, by which it may be seen to rise beyond it


@dataclass(frozen=True)
class PhysicsLimits:
    """All thresholds of the physics."""

    far: float  # widths, within which a thing is of where the engine has it
    mostly: float  # of the frames, in which it is
    gravity: float  # share of the engine's own acceleration, by which a fall may differ from it


LIMITS = limits("physics", PhysicsLimits)


@dataclass(frozen=True)
class Trajectory:
    """M5: within how many widths of where the engine has it the worst thing is in nearly all frames after the `known` ones."""

    take: Take
    known: int
    __name__ = "trajectory"

    def __call__(self, sight: Sight, spec: Spec) -> Score:
        found = engine_error(self.take, sight, known=self.known, usual=mostly)
        return Score(found.value, found.value <= LIMITS.far, found.seen)


def mostly(distances: np.ndarray) -> float:
    """The distance that is not exceeded in nearly all frames."""
    return float(np.quantile(distances, LIMITS.mostly, method="inverted_cdf"))


@dataclass(frozen=True)
class Gravity:
    """M6: the acceleration, in metres a second squared, with which the one thing that is let go above the floor falls.

    Its place on the floor and the camera at rest are known, so that a height follows from each place on the picture. While it falls from
    rest at t0, sqrt(2 (z0 - z)) = sqrt(g) (t - t0), a line through all pictures in the air. It must not rise higher than it was.
    """

    take: Take
    actor: int
    __name__ = "gravity"

    def __call__(self, sight: Sight, spec: Spec) -> Score:
        height = self.heights(sight)
        seen = np.isfinite(height)
        if not seen[0] or seen.mean() < 1 / 2:
            return Score(0.0, False, "out of sight")
        start, rest = height[0], float(self.take.poses.position[:, self.actor, 2].min())
        low = seen & (height < rest + CLEAR)
        end = int(low.argmax()) if low.any() else len(height)
        rising = np.flatnonzero(np.diff(height[:end]) > 0)  # it has bounced between two pictures
        end = min(end, int(rising[0]) + 1) if len(rising) else end
        frame = np.flatnonzero(seen[:end] & (height[:end] < start - MOVED))
        if len(frame) < 2:
            return Score(0.0, False, "does not fall")
        line = fitted(frame, height, start)
        if len(frame) > 2 and fitted(frame[:-1], height, start)(frame[-1]) ** 2 > 2 * (start - rest):  # by then it has bounced
            line = fitted(frame[:-1], height, start)
        slope = float(line.deriv()(0)) * sight.fps
        found, above = slope * abs(slope), float(np.nanmax(height[frame[-1] :])) - start
        right = abs(found / FALL - 1) <= LIMITS.gravity and bool(above <= RISE * (start - rest))
        return Score(found, right, f"{found:.1f} m/s2, seen {len(frame)} times in the air")

    def heights(self, sight: Sight) -> Float[np.ndarray, " time"]:
        """How high the thing's middle is above its place on the floor, in metres; NaN where it is not seen whole."""
        blobs, (width, height) = sight.found.blobs.chosen(sight.of(self._colour) & sight.found.whole), sight.found.size
        view, foot = self.take.view, self.take.poses.position[0, self.actor] * (1, 1, 0)
        (right, level, deep), (_, up, back) = view.rotation[0] @ (foot - view.position[0]), view.rotation[0][:, 2]
        side = right * view.focal / -deep
        found = np.full(sight.found.frames, np.nan)
        for frame in range(len(found)):
            here = blobs.centre[blobs.frame == frame] * [1, -1] * 2 / height + [-width / height, 1]
            if len(here):
                y = here[np.abs(here[:, 0] - side).argmin(), 1]
                found[frame] = (view.focal * level + y * deep) / (-y * back - view.focal * up)
        return found

    @property
    def _colour(self) -> str:
        return self.take.scene.objects[self.actor].colour


def fitted(frame: np.ndarray, height: np.ndarray, start: float) -> np.poly1d:
    """The line through sqrt(2 (start - height)) over some frames."""
    return np.poly1d(np.polyfit(frame, np.sqrt(2 * (start - height[frame])), 1))
