"""A command for each task: its options are the fields of the task's dataclass and of Settings."""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from pydantic.fields import FieldInfo

from yozora.tasks.generate import Generate
from yozora.tasks.settings import Settings
from yozora.video import check_output, is_still

TASKS = (Generate,)


def add_to(app: typer.Typer) -> None:
    """Add the commands of all tasks."""
    for task in TASKS:
        app.command(task.__name__.lower(), help=inspect.getdoc(task))(command_of(task))


def command_of(task: type) -> Callable[..., None]:
    """A function whose signature the command line reads."""

    def command(**values: Any) -> None:
        output = values.pop("output")
        own = {field.name for field in dataclasses.fields(task)}
        request = task(**{name: value for name, value in values.items() if name in own})
        chosen = {name: value for name, value in values.items() if name not in own and value is not None}
        perform_and_save(request, chosen, output)

    out = Annotated[Path, typer.Option("--output", "-o", help="file to write: .mp4, .webm, .gif or .png")]
    parameters = [*_parameters(task), inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, annotation=out), *_parameters(Settings)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def perform_and_save(request: Any, chosen: dict[str, Any], output: Path) -> None:
    """Make the clips of a request and write each as soon as it is finished; one still for a plain .png."""
    settings = Settings(**chosen)
    if is_still(output):
        if settings.seconds or settings.fps or (settings.frames or 1) > 1:
            hint = f"leave out --seconds, --frames and --fps, or name it {output.stem}_%03d.png to save every frame"
            raise ValueError(f"a .png is one frame: {hint}")
        settings = dataclasses.replace(settings, frames=1)
    paths = [output.with_stem(f"{output.stem}-{number}") for number in range(settings.count)] if settings.count > 1 else [output]
    width, height = settings.size or (2, 2)
    for path in paths:
        check_output(path, num_frames=1, height=height, width=width, fps=settings.fps)
    from yozora.pipeline import perform  # brings torch

    with progress_bar() as progress:
        for path, (video, facts) in zip(paths, perform(request, settings, progress), strict=True):
            print(video.save(path, facts))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar with the time left for each stage, where the output is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        rows: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in rows:
                rows[stage] = bars.add_task(stage, total=total)
            bars.update(rows[stage], completed=done, total=total)

        yield progress


def _parameters(declared: type) -> Iterator[inspect.Parameter]:
    """Command-line parameters for the fields of a dataclass: arguments where there is no default, options elsewhere."""
    for field in dataclasses.fields(declared):
        hint = get_type_hints(declared, include_extras=True)[field.name]
        notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        help_text = next((note.description for note in notes if isinstance(note, FieldInfo) and note.description), "")
        kind = _plain_type(hint)
        if field.default is dataclasses.MISSING:
            yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, typer.Argument(help=help_text)])
        else:
            note = Annotated[kind, typer.Option(help=help_text)]
            yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, annotation=note, default=field.default)


def _plain_type(hint: Any) -> Any:
    """The type that the command line reads for a field: sizes are text until pydantic reads them."""
    for plain in (str, int, float):
        if any(inner is plain for inner in _leaves(hint)) and tuple not in _leaves(hint):
            return plain | None if type(None) in _leaves(hint) else plain
    return str | None


def _leaves(hint: Any) -> list[Any]:
    if get_origin(hint) is tuple:
        return [tuple]
    inner = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return [leaf for one in inner for leaf in _leaves(one)] if inner else [hint]
