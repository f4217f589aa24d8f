"""Clips of the world as files that a person can look at: videos, captions, ground truth and a contact sheet."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from yozora.video import Video
from yozora.video.sheet import sheet
from yozora.weights import write
from yozora.world.render import render
from yozora.world.scene import Scene
from yozora.world.simulate import simulate
from yozora.world.take import Take
from yozora.world.words import caption

STRIP = 5  # frames of each clip on the contact sheet
COLUMNS = 2  # clips side by side


def write_album(folder: Path, scenes: Mapping[int, Scene], *, size: tuple[int, int], frames: int, fps: float, split: str) -> Path:
    """Write a clip, captions and ground truth for the scene of each seed into `folder`, which is made; returns the contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    strips = []
    for seed, scene in scenes.items():
        take = simulate(scene, frames=frames, fps=fps, aspect=size[0] / size[1])
        rendered = render([take], size)
        clip = Video(frames=rendered.frames[0].cpu().numpy(), fps=fps)
        words = dataclasses.asdict(caption(scene, seed, "paraphrase" if split == "paraphrase" else "train", take))
        words["phrasings"] = sorted(words["phrasings"])
        clip.save(folder / f"{seed:06d}.mp4", {"words": words["sentence"], "seed": str(seed), "split": split})
        (folder / f"{seed:06d}.json").write_text(json.dumps({"captions": words, "scene": dataclasses.asdict(scene)}, indent=1) + "\n")
        write(_truth(take) | {"masks": rendered.masks[0]}, folder / f"{seed:06d}.safetensors")
        strips.append(clip.frames[np.linspace(0, frames - 1, STRIP).round().astype(int)])  # no more of a clip is kept
    return sheet(strips, STRIP, COLUMNS).save(folder / "contact-sheet.png")


def _truth(take: Take) -> dict[str, Tensor]:
    """Poses, velocities, contacts, paint and camera of a take by name."""
    poses = {field.name: getattr(take.poses, field.name) for field in dataclasses.fields(take.poses)}
    camera = {"camera_position": take.view.position, "camera_rotation": take.view.rotation, "camera_focal": np.array(take.view.focal)}
    trails = {f"trail_{number}": trail.path for number, trail in enumerate(take.trails)}
    return {name: torch.tensor(value) for name, value in {**poses, **camera, **trails, "contacts": take.contacts}.items()}
