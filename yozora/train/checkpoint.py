"""Checkpoints that are whole or not there: hashed files, written aside and renamed; a torn one is refused."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from yozora.weights import write

KEEP = 2  # newest checkpoints that stay


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of a run before step `step`; `recipe` identifies the configuration that made it."""

    step: int
    recipe: str
    tensors: Mapping[str, Mapping[str, Tensor]]  # file -> name -> tensor


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `checkpoint` atomically below `folder` and drop the oldest ones."""
    final = folder / f"step-{checkpoint.step:08d}"
    partial = final.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    hashes = {}
    for file, tensors in checkpoint.tensors.items():
        path = partial / f"{file}.safetensors"
        write(tensors, path)
        hashes[path.name] = _hash(path)
    manifest = partial / "manifest.json"
    manifest.write_text(json.dumps({"step": checkpoint.step, "recipe": checkpoint.recipe, "sha256": hashes}, indent=1))
    _sync(manifest)
    _sync(partial)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    _sync(folder)
    for old in sorted(folder.glob("step-????????"))[:-KEEP]:
        shutil.rmtree(old)
    return final


def check(folder: Path, recipe: str) -> None:
    """Raise ValueError for a folder whose newest checkpoint another recipe made; a torn one is passed over."""
    for path in sorted(folder.glob("step-????????"), reverse=True):
        try:
            made_by = json.loads((path / "manifest.json").read_text())["recipe"]
        except (OSError, ValueError, KeyError):
            continue
        if made_by != recipe:
            raise ValueError(f"{path} was made by another recipe; give the run another --folder, or remove it")
        return


def load_newest(folder: Path, recipe: str, report: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint below `folder`, None where there is none; torn ones are named and passed over.

    Raises ValueError for a checkpoint that another recipe made.
    """
    check(folder, recipe)
    for path in sorted(folder.glob("step-????????"), reverse=True):
        try:
            manifest = json.loads((path / "manifest.json").read_text())
            for name, expected in manifest["sha256"].items():
                if _hash(path / name) != expected:
                    raise ValueError(f"{name} does not have the hash that its manifest gives")
        except (OSError, ValueError, KeyError) as error:
            report(f"checkpoint {path.name} is torn ({error}): using the one before it")
            continue
        tensors = {Path(name).stem: load_file(path / name) for name in manifest["sha256"]}
        return Checkpoint(step=manifest["step"], recipe=recipe, tensors=tensors)
    return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
