"""How much of what is given may change."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from yozora.tasks.complaints import shown

SUBTLE = 0.6
NAMES = {"subtle": SUBTLE, "mild": 0.8, "strong": 0.92}


def read_strength(value: Any) -> Any:
    """A number from 0 to 1, or that of a name; raises ValueError for any other."""
    try:
        strength: Any = NAMES.get(value, value)
        if 0 <= float(strength) <= 1:
            return float(strength)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"strength {shown(value)} is no number from 0 to 1 and none of {', '.join(NAMES)}")


Strength = Annotated[
    float,
    BeforeValidator(read_strength),
    Field(description=f"noise level to begin from: 0 keeps all, 1 nothing; or {', '.join(NAMES)}"),
]
