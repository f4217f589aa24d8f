"""One file that holds a video compression network: its arrangement and its weights."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from yozora.vae.config import VAEConfig
from yozora.vae.model import VideoVAE
from yozora.weights import load_into, read_notes, write


def save_vae(vae: VideoVAE, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write weights as `dtype`, with the arrangement in the file's metadata."""
    write({name: value.to(dtype) for name, value in vae.state_dict().items()}, path, {"config": json.dumps(asdict(vae.config))})


def load_vae(path: Path, dtype: torch.dtype = torch.float32) -> VideoVAE:
    """Read what `save_vae` wrote; raises ValueError where the file holds no arrangement or other weights."""
    config = read_config(path)
    with torch.device("meta"):  # no random weights only to replace them
        vae = VideoVAE(config)
    load_into(vae, path, dtype)
    return vae


def read_config(path: Path) -> VAEConfig:
    """The arrangement of the network in a file, without its weights; raises ValueError where the file does not say it."""
    found = read_notes(path).get("config")
    if found is None:
        raise ValueError(f"{path} does not say which arrangement its weights belong to; write it with save_vae")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(found).items()}
    return VAEConfig(**values)
