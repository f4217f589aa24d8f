"""How carefully a clip is made."""

from typing import Literal

# fast: by the model's student, in a few steps; whatever is lossy belongs here. standard: as the model is used. best: with more steps.
Quality = Literal["fast", "standard", "best"]
MORE = 2  # times as many solver steps for `best`
