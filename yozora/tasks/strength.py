"""How much of what is given may change."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

NAMES = {"subtle": 0.6, "mild": 0.8, "strong": 0.92}


def read_strength(value: Any) -> Any:
    """A number for one of the names; anything else as it is."""
    return NAMES.get(value, value) if isinstance(value, str) else value


Strength = Annotated[
    float,
    BeforeValidator(read_strength),
    Field(ge=0, le=1, allow_inf_nan=False, description=f"noise level to begin from: 0 keeps all, 1 nothing; or {', '.join(NAMES)}"),
]
