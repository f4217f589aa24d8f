"""All that is asked of a clip at once: joint pass means that every measure which applies to it passes."""

from yozora.evaluate.deeds import deeds
from yozora.evaluate.depth import rigid
from yozora.evaluate.irreversible import irreversible
from yozora.evaluate.measures import METRICS, Score
from yozora.evaluate.permanence import permanence
from yozora.evaluate.picture import flicker, inside, no_bars, round_balls
from yozora.evaluate.sight.track import Sight
from yozora.evaluate.spec import Spec


def camera(sight: Sight, spec: Spec) -> Score | None:
    """M3: whether the camera moves as it was asked to; None where that was left open, or nothing in the picture tells."""
    if spec.camera is None or not sight.move.told:
        return None
    kind, way = spec.camera
    right = sight.move.kind == kind and way in ("", sight.move.direction)
    return Score(float(right), right, f"{sight.move.kind} {sight.move.direction}")


MEASURES = (*METRICS, camera, permanence, deeds, irreversible, rigid, flicker, inside, round_balls, no_bars)
