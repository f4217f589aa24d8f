"""What Yozora can be asked from Python: a function for each command, of the same name and with the same options."""

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yozora.made import Made
from yozora.model import check_maker
from yozora.order import prepare
from yozora.pipeline import perform
from yozora.tasks import TASKS
from yozora.tasks.complaints import complaint
from yozora.tasks.note import recorded
from yozora.tasks.request import Request
from yozora.tasks.settings import Settings

Verb = Callable[..., Made]


def verb(task: type[Request]) -> Verb:
    """A function that makes one video of a task's fields and settings; sources are paths or a `Video`, best one that was made here.

    It raises ValueError for what makes no sense or does not fit, with the remedy, and warns of unknown words and of what was changed.
    """
    fields = {field.name: field for field in dataclasses.fields(task)}
    common = {field.name: field for field in dataclasses.fields(Settings) if field.name not in {*fields, *task.without}}
    signature = inspect.Signature([_parameter(field) for field in sorted((fields | common).values(), key=_parameter_kind)])
    name = task.__name__.lower()

    def call(*given: Any, **options: Any) -> Made:
        chosen = signature.bind(*given, **options).arguments
        try:
            request = task(**{name: value for name, value in chosen.items() if name in fields})
            settings = Settings(**{name: value for name, value in chosen.items() if name not in fields})
        except ValidationError as error:
            raise ValueError(complaint(error)) from None
        if settings.count != 1:
            raise ValueError(f"{name} makes one video, not {settings.count}; call it with each seed, or use yozora.pipeline.perform")
        (made,) = perform(prepare(request, settings))
        return made

    call.__name__, call.__qualname__, call.__doc__ = name, name, inspect.getdoc(task)
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def reproduce(file: str | Path) -> Made:
    """Make a file again from what it says of itself; raises ValueError where it does not say, or its model or sources have changed."""
    request, settings, maker = recorded(Path(file), TASKS)
    check_maker(Path(file), maker, settings)
    (made,) = perform(prepare(request, settings))
    return made


def _parameter(field: dataclasses.Field) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
    return inspect.Parameter(field.name, _parameter_kind(field), default=default, annotation=field.type)


def _parameter_kind(field: dataclasses.Field) -> Any:
    """Sources and the prompt by place or name, everything else by name."""
    first = field.default is dataclasses.MISSING or field.name == "prompt"
    return inspect.Parameter.POSITIONAL_OR_KEYWORD if first else inspect.Parameter.KEYWORD_ONLY


VERBS: dict[str, Verb] = {task.__name__.lower(): verb(task) for task in TASKS} | {"reproduce": reproduce}
