"""Weights along a clip, as a curve through points."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator

from yozora.tasks.complaints import shown


def read_curve(value: Any) -> Any:
    """Points of a weight curve from TIME:WEIGHT,TIME:WEIGHT,...; raises ValueError unless times rise and all lie in [0, 1]."""
    points = value
    if isinstance(value, str):
        parts = [re.fullmatch(r"\s*([\d.]+)\s*:\s*([\d.]+)\s*", part) for part in value.split(",")]
        try:
            points = tuple((float(part[1]), float(part[2])) for part in parts if part)
        except ValueError:
            points = ()
        if len(points) != len(parts):
            raise ValueError(f"curve {shown(value)} is not TIME:WEIGHT,TIME:WEIGHT, such as 0:0,1:1")
    if not isinstance(points, Sequence) or len(points) < 2 or not all(map(is_point, points)):
        raise ValueError("a curve has two points or more, such as 0:0,1:1")
    if any(after[0] <= before[0] for before, after in pairwise(points)):
        raise ValueError(f"the times of the curve {shown(value)} do not rise; list its points in order of time, each time once")
    if not all(0 <= number <= 1 for point in points for number in point):
        raise ValueError(
            f"the curve {shown(value)} leaves 0 to 1; times are parts of the clip, weights are 0 for the first and 1 for the second video"
        )
    return points


def is_point(value: Any) -> bool:
    """Whether something is a pair of numbers."""
    return isinstance(value, Sequence) and len(value) == 2 and all(isinstance(number, int | float) for number in value)


Curve = Annotated[tuple[tuple[float, float], ...], BeforeValidator(read_curve)]
