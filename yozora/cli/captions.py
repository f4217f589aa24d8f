"""The command that says what a file shows."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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
    length: Annotated[Length, typer.Option(help="a few words, a sentence, or everything")] = Length.sentence,
    model: Annotated[str, typer.Option(help="bundled model or folder")] = "hoshi",
) -> None:
    """Say what a video or picture shows, in the words of the model's world; of a long video a line for each stretch."""
    from yozora.captioning import caption as say  # brings torch

    cues = say(file, length=length.value, model=model)
    for cue in cues:
        print(f"{cue.start:.1f}-{cue.end:.1f} s: {cue.text}" if len(cues) > 1 else cue.text)
