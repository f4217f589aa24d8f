"""Latents beside the clip that they belong to, found by the clip's hash, so that going on from it never encodes it again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as packed

from yozora.canvas import Kept
from yozora.video import replacing

SUFFIX = ".latents"
LETTERS = 12  # of the clip's hash, in the file's name


def save(kept: tuple[Kept, ...], clip: Path, sha256: str) -> Path:
    """Write the latents of a clip whose file has this hash; raises ValueError where that cannot be done."""
    path = beside(clip, sha256)
    arrays = {id(one.latents): one.latents for one in kept}
    numbers = {array: number for number, array in enumerate(arrays)}
    said = [
        {
            "latents": numbers[id(one.latents)],
            "frame": one.frame,
            "end": one.end,
            "where": [one.where.start, one.where.stop],
            "vae": one.vae,
        }
        for one in kept
    ]
    tensors = {str(number): np.ascontiguousarray(array) for number, array in enumerate(arrays.values())}
    with replacing([path]) as (part,):
        part.write_bytes(packed(tensors, {"clip": sha256, "kept": json.dumps(said), "latents": _digest(tensors.values())}))
    return path


def remove(clip: Path, num_bytes: int, sha256: str) -> None:
    """Remove the latents of what a clip's file was before, of this size and hash, unless a file beside it is still the same."""
    latents = beside(clip, sha256)
    alike = (path for path in clip.absolute().parent.iterdir() if path.is_file() and path.stat().st_size == num_bytes)
    if latents.is_file() and (num_bytes, sha256) not in map(identity, alike):
        latents.unlink()


def identity(file: Path) -> tuple[int, str]:
    """The size in bytes and the SHA-256 of a file, by which a clip is known whatever it is called."""
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def beside(clip: Path, sha256: str) -> Path:
    """Where the latents of a clip lie when they are written."""
    return clip.with_name(f"{clip.name}.{sha256[:LETTERS]}{SUFFIX}")


def find(clip: Path, sha256: str) -> tuple[Kept, ...]:
    """The latents beside a clip whose file has this hash, whatever either is called now; none where there are none that can be read."""
    for path in sorted(clip.absolute().parent.glob(f"*.{sha256[:LETTERS]}{SUFFIX}")):
        if not path.is_file():
            continue
        try:
            with safe_open(path, framework="numpy") as file:
                notes = file.metadata() or {}
                said = json.loads(notes["kept"])
                tensors = [file.get_tensor(str(number)) for number in range(len(file.keys()))]
                if (notes["clip"], notes["latents"]) == (sha256, _digest(tensors)):
                    return tuple(_kept(tensors[one["latents"]], one) for one in said)
        except (OSError, SafetensorError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
            continue  # another program's file, or a damaged one: the clip itself is still there
    return ()


def _digest(tensors: Iterable[np.ndarray]) -> str:
    """A hash of all numbers, which tells damaged ones."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def _kept(latents: np.ndarray, said: dict[str, Any]) -> Kept:
    frame, end, first, last = (int(number) for number in (said["frame"], said["end"], *said["where"]))
    if latents.ndim != 4 or latents.dtype != np.float16 or not np.isfinite(latents).all():
        raise ValueError("these are no latents of a clip")
    return Kept(latents=latents, frame=frame, end=end, where=range(first, last), vae=str(said["vae"]))
