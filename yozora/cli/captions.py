"""The command that says what a file shows, and how well words fit it."""

import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from yozora.video import Video


class Length(StrEnum):
    """How much is said."""

    short = "short"
    sentence = "sentence"
    full = "full"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(caption)


def caption(
    file: Annotated[Path, typer.Argument(help="video or picture")],
    length: Annotated[Length | None, typer.Option(help="a few words, a sentence (unless asked otherwise), or everything")] = None,
    model: Annotated[str, typer.Option(help="bundled model or folder")] = "hoshi",
    fits: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="say in its place how well these words fit, in nats per word"),
    ] = None,
) -> None:
    """Say what a video or picture shows, in the words of the model's world; of a long video a line for each stretch."""
    from yozora.captioning import caption as say
    from yozora.captioning import fit  # which brings torch, as does the next
    from yozora.evaluate.clip import foreign
    from yozora.world.game_album import read_game

    if length and fits is not None:
        raise ValueError("--length asks for a caption and --fits for a number; leave one out")
    video = Video.load(file)
    if fits is None:
        said = {(cue.start, cue.end): cue.text for cue in say(video, length=length or Length.sentence, model=model)}
    else:
        said = {span: f"{nats:.2f}" for span, nats in fit(video, fits, model=model).items()}
    if reason := "this is a clip of the game" if read_game(file) else foreign(video):
        warnings.warn(f"{file.name}: {reason}; the captioner knows the physics world alone, and may say what is not there", stacklevel=2)
    for (start, end), text in said.items():
        print(f"{start:.1f}-{end:.1f} s: {text}" if len(said) > 1 else text)
