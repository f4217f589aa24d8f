"""Weights on disk: safetensors only, told by content, loaded strictly, written whole or not at all."""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

MOST_LISTED = 8  # keys of each sort named in an error


def load_into(module: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Fill all parameters and buffers of `module` from a file, converted to `dtype`.

    Raises ValueError that lists every kind of misfit: keys that are missing, extra or of another shape.
    """
    check_keys(tensors := read(path), {name: tuple(value.shape) for name, value in module.state_dict().items()}, path)
    module.load_state_dict({name: value.to(dtype) for name, value in tensors.items()}, assign=True)


def read(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file; raises ValueError for anything else, whatever its name says."""
    check_content(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}; fetch or train it again") from error


def read_notes(path: Path) -> dict[str, str]:
    """The metadata that `write` was given."""
    check_content(path)
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}; fetch or train it again") from error


def write(tensors: Mapping[str, Tensor], path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file by way of a neighbour, so that it is whole or not there."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, partial, dict(notes or {}))
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Hash of a file's bytes; raises ValueError where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def check_content(path: Path) -> None:
    """Raise ValueError where a file is no safetensors by content: a length, then that many bytes of a JSON table."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            table = file.read(length) if 0 < length <= 100_000_000 else b""
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise ValueError(f"{path} is a pickle, which can run code when it is opened; convert it to safetensors where you trust it")
    try:
        if not isinstance(json.loads(table), dict):
            raise ValueError
    except ValueError as error:
        raise ValueError(f"{path} is not a safetensors file") from error


def check_keys(tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Raise ValueError where names or shapes are not those expected."""
    common = tensors.keys() & expected.keys()
    faults = {
        "missing": sorted(expected.keys() - tensors.keys()),
        "extra": sorted(tensors.keys() - expected.keys()),
        "of another shape": sorted(
            f"{name} {tuple(tensors[name].shape)} for {expected[name]}" for name in common if tuple(tensors[name].shape) != expected[name]
        ),
    }
    if any(faults.values()):
        raise ValueError(f"{path} does not fit this model; " + "; ".join(f"{kind}: {_few(names)}" for kind, names in faults.items() if names))


def _few(names: list[str]) -> str:
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
