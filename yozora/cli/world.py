"""Commands of the physics world: render clips of it or of the game, read a sentence as a scene."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from yozora.tasks.settings import read_size

app = typer.Typer(no_args_is_help=True, help="The physics world that the bundled model learns from.")


@app.command()
def render(  # noqa: PLR0913 (options of a command)
    folder: Annotated[Path, typer.Argument(help="where clips, captions and a contact sheet go")],
    count: Annotated[int, typer.Option(min=1, help="number of clips")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="seed of the first clip")] = 0,
    size: Annotated[str, typer.Option(help="width x height in pixels")] = "256x256",
    frames: Annotated[int, typer.Option(min=1, max=10_000, help="length of a clip")] = 48,
    fps: Annotated[float, typer.Option(min=1, max=120, help="frames a second")] = 12.0,
    split: Annotated[str, typer.Option(help="train, pairs, triples, interpolation, extrapolation or paraphrase")] = "train",
    families: Annotated[str, typer.Option(help="usual (what seeds have always meant), every, or names with commas: tower,paint")] = "usual",
) -> None:
    """Write clips of the physics world with their captions and ground truth, and a contact sheet."""
    from yozora.world.album import write_album
    from yozora.world.sample import named, sample

    scenes = {number: sample(number, split, named(families)) for number in range(seed, seed + count)}
    print(write_album(folder, scenes, size=read_size(size), frames=frames, fps=fps, split=split))


@app.command()
def game(  # noqa: PLR0913 (options of a command)
    folder: Annotated[Path, typer.Argument(help="where clips, captions and a contact sheet go")],
    count: Annotated[int, typer.Option(min=1, help="number of clips")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="seed of the first clip")] = 0,
    size: Annotated[str, typer.Option(help="width x height in pixels; the board has eight cells along the shorter side")] = "256x256",
    frames: Annotated[int, typer.Option(min=1, max=10_000, help="length of a clip")] = 48,
    fps: Annotated[float, typer.Option(min=1, max=120, help="frames a second; the player moves four times a second")] = 12.0,
    split: Annotated[str, typer.Option(help="train, pairs, triples or paraphrase")] = "train",
) -> None:
    """Write clips of a small game of coins, walls and a door, with their captions and states, and a contact sheet."""
    from yozora.world.game_album import write_games

    print(write_games(folder, range(seed, seed + count), size=read_size(size), frames=frames, fps=fps, split=split))


@app.command()
def scene(
    words: Annotated[str, typer.Argument(help="a sentence about the physics world")],
    seed: Annotated[int, typer.Option(min=0, help="decides what the words leave open")] = 0,
) -> None:
    """Read a sentence as a scene and print it as JSON; words that were not understood are named."""
    from yozora.world.parse import compose, nearest
    from yozora.world.understand import understood

    reading = understood(words)
    unknown = {word: nearest(word) for word in reading.unknown}
    print(json.dumps({"scene": dataclasses.asdict(compose(reading, seed)), "not understood, with the nearest known": unknown}, indent=1))
