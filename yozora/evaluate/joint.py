"""All that is asked of a clip at once: joint pass means that every measure which applies to it passes."""

from yozora.evaluate.depth import rigid
from yozora.evaluate.measures import METRICS, Score
from yozora.evaluate.permanence import permanence
from yozora.evaluate.picture import flicker, inside, no_bars, round_balls
from yozora.evaluate.spec import Spec
from yozora.evaluate.track import Sight


def camera(sight: Sight, spec: Spec) -> Score | None:
    """M3: whether the camera moves as it was asked to; None where that was left open."""
    if spec.camera is None:
        return None
    right = (sight.move.kind, sight.move.direction) == spec.camera
    return Score(float(right), right, f"{sight.move.kind} {sight.move.direction}")


MEASURES = (*METRICS, camera, permanence, rigid, flicker, inside, round_balls, no_bars)
NAMES = (*(measure.__name__ for measure in MEASURES), "all")


def judge_all(sight: Sight, spec: Spec) -> dict[str, list | None]:
    """Every measure as JSON: value, verdict and what was seen, null where it does not apply; and `all`, whether every one passes."""
    scores = {measure.__name__: measure(sight, spec) for measure in MEASURES}
    if not spec.motions and not spec.still:
        scores["direction"] = None
    together = all(score.passed for score in scores.values() if score)
    scores["all"] = Score(float(together), together, "")
    return {name: [round(one.value, 4), one.passed, one.seen] if one else None for name, one in scores.items()}
