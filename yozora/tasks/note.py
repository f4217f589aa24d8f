"""What a request was, as text that goes into what is made of it, and the way back."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from yozora.tasks.complaints import complaint
from yozora.tasks.request import Request
from yozora.tasks.settings import Settings
from yozora.video import read_metadata


def note(request: Request, settings: Settings) -> str:
    """A request as JSON: the task's name, its own fields and all settings that say something."""
    fields = {"task": type(request).__name__.lower()}
    for declared in (settings, request):
        fields |= {
            name: value for name, value in TypeAdapter(type(declared)).dump_python(declared, mode="json").items() if value is not None
        }
    return json.dumps(fields)


def understand(text: str, tasks: Sequence[type[Request]]) -> tuple[Request, Settings]:
    """The request and the settings that `note` wrote down; raises ValueError for anything else, and for sources that have changed."""
    try:
        fields: dict[str, Any] = json.loads(text)
        task = next(task for task in tasks if task.__name__.lower() == fields["task"])
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        raise ValueError("it does not say how it was made, or was made by another version of yozora") from None
    own, common = ({field.name for field in dataclasses.fields(kind)} for kind in (task, Settings))
    return (
        TypeAdapter(task).validate_python({name: value for name, value in fields.items() if name in own}),
        TypeAdapter(Settings).validate_python({name: value for name, value in fields.items() if name in common - own}),
    )


def recorded(file: Path, tasks: Sequence[type[Request]]) -> tuple[Request, Settings, str]:
    """The request and the settings that a file says it was made by, and the model with its hash; raises ValueError as `understand`."""
    facts = read_metadata(file)
    try:
        return *understand(facts.get("request", ""), tasks), facts.get("model", "an unknown model")
    except ValueError as error:
        reason = complaint(error) if isinstance(error, ValidationError) else error
        raise ValueError(f"{file} cannot be made again: {reason}") from error
