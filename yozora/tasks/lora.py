"""Low-rank additions to a model's weights, as a request names them."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from yozora.tasks.complaints import shown
from yozora.tasks.request import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Lora:
    """A file of additions, how strongly they are added, and to which of two experts where there are two: to both unless it says."""

    file: Annotated[str, Field(min_length=1)]
    strength: Annotated[float, Field(allow_inf_nan=False, ge=-10, le=10)] = 1.0
    expert: Literal["", "high", "low"] = ""


def read_lora(value: Any) -> Any:
    """`FILE`, `FILE:STRENGTH`, `FILE:high` or `FILE:STRENGTH:low` as the fields of a `Lora`; anything else as it is."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(.+?)(?::(-?[\d.]+(?:[eE]-?\d+)?))?(?::(high|low))?", value)
    if not found:
        raise ValueError(f"{shown(value)} is not FILE:STRENGTH, such as style.safetensors:0.8")
    try:
        strength = float(found[2] or 1)
    except ValueError as error:
        raise ValueError(f"{shown(value)} has a strength that is no number, {found[2]}; write for example {found[1]}:0.8") from error
    return {"file": found[1], "strength": strength, "expert": found[3] or ""}


LoraText = Annotated[Lora, BeforeValidator(read_lora)]
