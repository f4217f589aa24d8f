"""Clips of the world as files that a person can look at: videos, captions, ground truth and a contact sheet."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from yozora.video import Video
from yozora.video.sheet import sheet
from yozora.weights import write
from yozora.world.game import Game, board_size, play, ticks
from yozora.world.game_draw import draw
from yozora.world.game_sample import sample_game
from yozora.world.game_words import caption_game
from yozora.world.render import render
from yozora.world.sample import sample
from yozora.world.scene import Scene
from yozora.world.simulate import simulate
from yozora.world.take import Take
from yozora.world.words import Captions, caption

STRIP = 5  # frames of each clip on the contact sheet
COLUMNS = 2  # clips side by side


def write_album(folder: Path, seeds: Sequence[int], *, size: tuple[int, int], frames: int, fps: float, split: str) -> Path:
    """Write a clip, its captions and its ground truth for each seed into `folder`, which is made; returns the contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    strips = []
    for seed in seeds:
        scene = sample(seed, split)
        take = simulate(scene, frames=frames, fps=fps, aspect=size[0] / size[1])
        rendered = render([take], size)
        clip = Video(frames=rendered.frames[0].cpu().numpy(), fps=fps)
        _keep(folder / f"{seed:06d}", clip, caption(scene, seed, _phrasings(split), take), scene, split)
        write(_truth(take) | {"masks": rendered.masks[0]}, folder / f"{seed:06d}.safetensors")
        strips.append(clip.frames[np.linspace(0, frames - 1, STRIP).round().astype(int)])  # no more of a clip is kept
    return sheet(strips, STRIP, COLUMNS).save(folder / "contact-sheet.png")


def write_games(folder: Path, seeds: Sequence[int], *, size: tuple[int, int], frames: int, fps: float, split: str) -> Path:
    """Write a clip of a game, its captions, the game and each of its states for each seed; returns the contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    strips = []
    for seed in seeds:
        game = sample_game(seed, split, board=board_size(size), ticks=ticks(frames, fps))
        clip = Video(frames=draw(game, play(game), size, frames=frames, fps=fps), fps=fps)
        _keep(folder / f"{seed:06d}", clip, caption_game(game, seed, _phrasings(split)), game, split)
        strips.append(clip.frames[np.linspace(0, frames - 1, STRIP).round().astype(int)])
    return sheet(strips, STRIP, COLUMNS).save(folder / "contact-sheet.png")


def _phrasings(split: str) -> str:
    return "paraphrase" if split == "paraphrase" else "train"


def _keep(stem: Path, clip: Video, captions: Captions, shown: Scene | Game, split: str) -> None:
    """A clip, and beside it its captions and what it shows; of a game also each state."""
    clip.save(stem.with_suffix(".mp4"), {"words": captions.sentence, "seed": str(int(stem.name)), "split": split})
    states = {"states": [dataclasses.asdict(state) for state in play(shown)]} if isinstance(shown, Game) else {}
    facts = {"captions": dataclasses.asdict(captions), type(shown).__name__.lower(): dataclasses.asdict(shown), **states}
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=1, default=sorted) + "\n")


def _truth(take: Take) -> dict[str, Tensor]:
    """Poses, velocities, contacts and camera of a take by name."""
    poses = {field.name: getattr(take.poses, field.name) for field in dataclasses.fields(take.poses)}
    camera = {"camera_position": take.view.position, "camera_rotation": take.view.rotation, "camera_focal": np.array(take.view.focal)}
    return {name: torch.tensor(value) for name, value in {**poses, **camera, "contacts": take.contacts}.items()}
