"""One file that holds a captioner: its sizes, the compression network whose latents it reads, and its weights."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from yozora.captioner.model import Captioner, CaptionerConfig
from yozora.weights import load_into, read_notes, write


def save_captioner(captioner: Captioner, path: Path, vae: str, dtype: torch.dtype = torch.float32) -> None:
    """Write weights as `dtype`; the file's metadata keep the sizes, and `vae`, the hash of the network whose latents it reads."""
    weights = {name: value.to(dtype) for name, value in captioner.state_dict().items()}
    write(weights, path, {"captioner": json.dumps({"vae": vae, "config": asdict(captioner.config)})})  # one note: several have no order


def load_captioner(path: Path, vae: str, dtype: torch.dtype = torch.float32) -> Captioner:
    """Read what `save_captioner` wrote; raises ValueError where the file is another's, or reads latents of another network than `vae`."""
    config, other = read_captioner_config(path)
    if other != vae:
        raise ValueError(f"{path} reads latents of another vae.safetensors ({other}, not {vae}); train it again or remove it")
    with torch.device("meta"):  # no random weights only to replace them
        captioner = Captioner(config)
    load_into(captioner, path, dtype)
    return captioner


def read_captioner_config(path: Path) -> tuple[CaptionerConfig, str]:
    """The sizes of the captioner in a file and the hash of its compression network; raises ValueError where it does not say them."""
    note = read_notes(path).get("captioner")
    if note is None:
        raise ValueError(f"{path} does not say which sizes its weights have; write it with save_captioner")
    said = json.loads(note)
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said["config"].items()}
    return CaptionerConfig(**values), said["vae"]
