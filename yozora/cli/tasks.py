"""A command for each task: its options are the fields of the task's dataclass and of Settings."""

import dataclasses
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from yozora.made import Made
from yozora.tasks import TASKS
from yozora.tasks.note import recorded
from yozora.tasks.request import Request
from yozora.tasks.settings import Settings
from yozora.video import check_output, files_of, is_still, writes_over


def add_to(app: typer.Typer) -> None:
    """Add the commands of all tasks, and the one that repeats any."""
    for task in TASKS:
        app.command(task.__name__.lower(), help=inspect.getdoc(task))(command_of(task))
    app.command()(reproduce)


def command_of(task: type[Request]) -> Callable[..., None]:
    """A function whose signature the command line reads."""
    own = {field.name for field in dataclasses.fields(task)}

    def command(**values: Any) -> None:
        output, latents = values.pop("output"), values.pop("latents")
        given = {name: value for name, value in values.items() if value not in (None, [])}
        request = task(**{name: value for name, value in given.items() if name in own})
        settings = Settings(**{name: value for name, value in given.items() if name not in own})
        perform_and_save(request, settings, output, whole if latents else without_latents)

    out = Annotated[Path, typer.Option("--output", "-o", help="file to write: .mp4, .webm, .gif or .png")]
    beside = Annotated[bool, typer.Option(help="keep the latents beside the file, so that going on from it never encodes it again")]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        *_parameters(task),
        inspect.Parameter("output", keyword, annotation=out),
        *(_hidden(one) if one.name in task.without else one for one in _parameters(Settings) if one.name not in own),
        inspect.Parameter("latents", keyword, annotation=beside, default=True),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def perform_and_save(request: Request, settings: Settings, output: Path, kept: Callable[[Made], Made]) -> list[Path]:
    """Make the clips of a request and write each as soon as it is finished, one still for a plain .png; returns all files."""
    if is_still(output) and request.given() is None:
        if settings.seconds or settings.fps or (settings.frames or 1) > 1:
            hint = f"leave out --seconds, --frames and --fps, or name it {output.stem}_%03d.png to save every frame"
            raise ValueError(f"a .png is one frame: {hint}")
        settings = dataclasses.replace(settings, frames=1)
    paths = [output.with_stem(f"{output.stem}-{number}") for number in range(settings.count)] if settings.count > 1 else [output]
    width, height = settings.size or (2, 2)
    for path in paths:
        check_output(path, num_frames=1, height=height, width=width, fps=settings.fps)
    from yozora.order import prepare
    from yozora.pipeline import perform  # brings torch

    order = prepare(request, settings)
    clip = order.canvas.given
    check_output(output, num_frames=clip.num_frames, height=clip.height, width=clip.width, fps=order.fps)
    files = []
    with progress_bar() as progress:
        for path, made in zip(paths, perform(order, progress), strict=True):
            print(kept(made).save(path))
            files += files_of(path, made.num_frames)
    return files


def whole(made: Made) -> Made:
    """A clip with its latents."""
    return made


def without_latents(made: Made) -> Made:
    """A clip that leaves nothing beside its file."""
    return dataclasses.replace(made, kept=())


def reproduce(
    file: Annotated[Path, typer.Argument(help="video or picture that Yozora made")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="file to write; without it, beside the other")] = None,
) -> None:
    """Make a file again from what it says of itself, and say whether it came out the same."""
    again = output or file.with_stem(f"{file.stem}-again")
    if file.exists() and writes_over(again, file):
        raise ValueError(f"{file} is what is to be made again; name another file to compare it with")
    if again.suffix.lower() != file.suffix.lower():
        raise ValueError(f"{again.name} is of another kind than {file.name}, so that they could not be compared; end it in {file.suffix}")
    request, settings, maker = recorded(file, TASKS)
    from yozora.model import check_maker  # brings torch

    check_maker(file, maker, settings)
    written, wanted = perform_and_save(request, settings, again, without_latents), file.read_bytes()
    if not any(path.read_bytes() == wanted for path in written):  # a picture does not say which of its row it was
        warnings.warn(f"{again} is not {file} to the bit: it was made on another machine, or something changed since", stacklevel=2)


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
    """Command-line parameters for the fields of a dataclass: arguments where there is no default and for prompts, options elsewhere."""
    for field in dataclasses.fields(declared):
        hint = get_type_hints(declared, include_extras=True)[field.name]
        notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        help_text = next((note.description for note in notes if isinstance(note, FieldInfo) and note.description), "")
        kind, default = _plain(field, hint)
        if field.default is dataclasses.MISSING or field.name == "prompt":
            note = Annotated[kind, typer.Argument(help=help_text)]
        else:
            flag = f"--{field.name.rstrip('_')}"
            note = Annotated[
                kind, typer.Option(flag, f"--no-{flag[2:]}", help=help_text) if kind is bool else typer.Option(flag, help=help_text)
            ]
        shown = {} if field.default is dataclasses.MISSING else {"default": default}
        yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, annotation=note, **shown)


def _hidden(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter that makes no sense here and is taken only so that the request can say why."""
    kind, option = get_args(parameter.annotation)
    return parameter.replace(annotation=Annotated[kind, typer.Option(*option.param_decls, hidden=True)])


def _plain(field: dataclasses.Field, hint: Any) -> tuple[Any, Any]:
    """The type that the command line reads for a field, and its default: whatever pydantic reads itself is text."""
    default = field.default
    if default == ():
        return list[str], []
    if default is None or isinstance(default, bool | int | float | str):
        kinds = [kind for kind in (bool, int, float) if isinstance(default, kind)] or [kind for kind in (int, float) if _is(hint, kind)]
        if kinds and not _reads_text(hint):
            return (kinds[0] | None if default is None else kinds[0]), default
        return (str | None, None) if default is None else (str, str(default))
    return str, "" if default is dataclasses.MISSING else ",".join(":".join(f"{number:g}" for number in point) for point in default)


def _is(hint: Any, kind: type) -> bool:
    """Whether a hint is of a plain kind, or of that or None."""
    inner = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    return hint is kind or any(_is(one, kind) for one in inner)


def _reads_text(hint: Any) -> bool:
    """Whether a field has a way of its own to read text."""
    return any(isinstance(note, BeforeValidator) for note in get_args(hint)[1:]) or any(map(_reads_text, get_args(hint)[:1]))
