"""Clips of the game as files that a person can look at: videos, captions, the games with all their states, and a contact sheet."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from yozora.video import Video
from yozora.video.sheet import sheet
from yozora.world.game import Game, board_size, play, ticks
from yozora.world.game_draw import draw
from yozora.world.game_sample import sample_game
from yozora.world.game_words import caption_game

STRIP = 5  # frames of each clip on the contact sheet
COLUMNS = 2  # clips side by side


def read_game(clip: Path) -> Game | None:
    """The game of a clip that `write_games` wrote, from the notes beside it; None for any other file."""
    try:
        facts = json.loads(clip.with_suffix(".json").read_text(encoding="utf-8"))
        return TypeAdapter(Game).validate_python(facts["game"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write_games(folder: Path, seeds: Sequence[int], *, size: tuple[int, int], frames: int, fps: float | int, split: str) -> Path:
    """Write a clip, its captions, the game and each of its states for each seed into `folder`; returns the contact sheet."""
    board, moves = board_size(size), ticks(frames, fps)
    games = {seed: sample_game(seed, split, board=board, ticks=moves) for seed in seeds}
    folder.mkdir(parents=True, exist_ok=True)
    strips = []
    for seed, game in games.items():
        states = play(game)
        clip = Video(frames=draw(game, states, size, frames=frames, fps=fps), fps=fps)
        captions = caption_game(game, seed, "paraphrase" if split == "paraphrase" else "train")
        clip.save(folder / f"{seed:06d}.mp4", {"words": captions.sentence, "seed": str(seed), "split": split})
        told = [dataclasses.asdict(state) for state in states]
        facts = {"captions": dataclasses.asdict(captions), "game": dataclasses.asdict(game), "states": told}
        (folder / f"{seed:06d}.json").write_text(json.dumps(facts, indent=1, default=sorted) + "\n")  # sets as sorted lists
        strips.append(clip.frames[np.linspace(0, frames - 1, STRIP).round().astype(int)])  # no more of a clip is kept
    return sheet(strips, STRIP, COLUMNS).save(folder / "contact-sheet.png")
