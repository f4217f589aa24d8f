"""Weights on disk: safetensors only, told by content, loaded strictly, written whole or not at all."""

import hashlib
import json
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

SCALE = "::scale"  # follows the name of a tensor kept as int8; its rows are to be multiplied by this
LARGE = 1 << 26  # bytes of a file whose hash is noted
# In files of ComfyUI, what stands beside a tensor in eight bits: a factor for it by either of two names, and what only its kernels want.
FACTORS, ASIDE = (".scale_weight", ".weight_scale"), (".scale_input", ".input_scale", ".comfy_quant", "scaled_fp8")
EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)
SMALL = 4096  # tensors of fewer numbers stay in 16 bits, where 8 would save nothing


def load_into(module: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Fill all parameters and buffers of `module` from a file, converted to `dtype`.

    Raises ValueError that lists every kind of misfit: keys that are missing, extra or of another shape.
    """
    check_keys(tensors := read(path), {name: tuple(value.shape) for name, value in module.state_dict().items()}, path)
    module.load_state_dict({name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}, assign=True)


def read(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, 8-bit ones as float32; raises ValueError for anything else, whatever its name says."""
    with opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    return {name: restored(name, value, tensors, path) for name, value in tensors.items() if not name.endswith(SCALE)}


class Shelf(Mapping[str, Tensor]):
    """The tensors of one or more safetensors files, each read when it is asked for, so that no second copy of all is ever held.

    What has a factor beside it, as ComfyUI keeps weights in eight bits, is multiplied by it, in bfloat16.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.at: dict[str, Path] = {}
        self.opened: dict[Path, safe_open] = {}
        for path in files:
            with opened(path) as file:
                names = list(file.keys())
            if twice := next((name for name in names if name in self.at), None):
                raise ValueError(f"{twice} stands in {self.at[twice].name} and in {path.name}; the files are not of one model")
            self.at.update(dict.fromkeys(names, path))
        self.factors = {name: path for name, path in self.at.items() if name.endswith(FACTORS)}
        self.at = {name: path for name, path in self.at.items() if is_weight(name)}

    def __getitem__(self, name: str) -> Tensor:
        value, stem = self.read(name, self.at[name]), name.removesuffix(".weight")
        factor = next((stem + end for end in FACTORS if stem + end in self.factors), None)
        if factor is None or stem == name:
            return value
        if value.dtype not in EIGHT_BITS:
            raise ValueError(f"{self.at[name]} keeps {name} in a way that is not known here; use a file in bf16, fp16 or fp8")
        scale = self.read(factor, self.factors[factor]).float()
        return (value.float() * scale.view(*scale.shape, *[1] * (value.ndim - scale.ndim))).to(torch.bfloat16)

    def read(self, name: str, path: Path) -> Tensor:
        """A tensor as it is kept in a file."""
        if path not in self.opened:
            self.opened[path] = safe_open(path, framework="pt")
        try:
            return self.opened[path].get_tensor(name)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged: {error}; fetch it again") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.at)

    def __len__(self) -> int:
        return len(self.at)


def shapes_of(files: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in some files, without reading any."""
    found: dict[str, tuple[int, ...]] = {}
    for path in files:
        with opened(path) as file:
            found |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys() if is_weight(name)}  # noqa: SIM118
    return found


def types_of(files: Iterable[Path]) -> dict[str, str]:
    """The type of every tensor in some files, as their format calls it: `BF16`, `F32`."""
    found: dict[str, str] = {}
    for path in files:
        with opened(path) as file:
            found |= {name: str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    return found


def is_weight(name: str) -> bool:
    """Whether a name is that of a weight, and not of what stands beside one in eight bits."""
    return not name.endswith((*FACTORS, *ASIDE))


def shards(folder: Path, stem: str) -> list[Path]:
    """The files `STEM.safetensors` or those that `STEM.safetensors.index.json` names; raises ValueError with what is not there."""
    whole, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if whole.exists():
        return [whole]
    if not index.exists():
        pickles = sorted(path.name for path in folder.glob(f"{stem}*.bin"))
        hint = f"; {pickles[0]} is a pickle, which can run code when it is opened" if pickles else ""
        raise ValueError(f"{folder} has neither {whole.name} nor {index.name}{hint}")
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / Path(name).name for name in names]
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise ValueError(f"{index} is no index of safetensors files: {error}") from error
    if missing := [path.name for path in files if not path.exists()]:
        raise ValueError(f"{folder} lacks {len(missing)} of {len(files)} files: {listed(missing)}; fetch them again")
    return files


def read_notes(path: Path) -> dict[str, str]:
    """The metadata that `write` was given."""
    with opened(path) as file:
        return file.metadata() or {}


def write(tensors: Mapping[str, Tensor], path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file by way of a neighbour, so that it is whole or not there, even when the power fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, partial, dict(notes or {}))
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
        if os.name == "posix":  # the new name must reach the disk too
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path} cannot be written: {error}; free some space or choose another folder") from error
    finally:
        partial.unlink(missing_ok=True)


def quantised(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """For `write`: matrices and kernels as int8 with a float32 scale for each row, everything else as bfloat16.

    Errs by at most half a step, which is a 254th of the row's largest number; `read` restores the tensors.
    """
    kept = {}
    for name, value in tensors.items():
        if not value.is_floating_point():
            kept[name] = value
        elif value.ndim < 2 or value.numel() < SMALL:
            kept[name] = value.to(torch.bfloat16)
        else:
            rows = value.detach().float().flatten(1)
            scale = rows.abs().amax(1).div(127).clamp_min(torch.finfo(torch.float32).tiny)
            kept[name] = (rows / scale[:, None]).round().to(torch.int8).view(value.shape)
            kept[name + SCALE] = scale
    return kept


def restored(name: str, value: Tensor, tensors: Mapping[str, Tensor], path: Path) -> Tensor:
    """A tensor as it was before `quantised`."""
    scale = tensors.get(name + SCALE)
    if scale is None:
        return value
    if value.dtype != torch.int8 or scale.shape != value.shape[:1]:
        raise ValueError(f"{path} is damaged: {name}{SCALE} does not belong to {name}; fetch or train it again")
    return value.float() * scale.view(-1, *[1] * (value.ndim - 1))


def sha256(path: Path) -> str:
    """Hash of a file's bytes; raises ValueError where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def kept_sha256(path: Path) -> str:
    """`sha256`, without reading a large file again: from the name that Hugging Face's cache gives it, or from a note of the last time."""
    real = path.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", real.name):
        return real.name
    try:
        found = real.stat()
    except OSError:
        return sha256(path)
    if found.st_size < LARGE:
        return sha256(path)
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yozora" / "hashes"
    note = place / hashlib.sha256(f"{real} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:32]
    try:
        return note.read_text(encoding="ascii")
    except OSError:
        known = sha256(path)
    with suppress(OSError):  # then it is read again next time
        place.mkdir(parents=True, exist_ok=True)
        note.write_text(known, encoding="ascii")
    return known


@contextmanager
def opened(path: Path) -> Iterator[safe_open]:
    """A safetensors file; raises ValueError for a file that is none or is damaged."""
    check_content(path)
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}; fetch or train it again") from error


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
    if head == b"version ":
        raise ValueError(f"{path} is a pointer of Git LFS and not the weights themselves; run: git lfs pull")
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
        raise ValueError(
            f"{path} does not fit this model; " + "; ".join(f"{kind}: {listed(names)}" for kind, names in faults.items() if names)
        )


def listed(names: Iterable[str]) -> str:
    """All names, those that differ in the number of a layer alone together: `blocks.0-39.norm.weight`."""
    alike: dict[tuple[str, str], list[int]] = {}
    for name in sorted(names):
        before, number, after = re.match(r"([^\d]*)(\d*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        alike.setdefault((before, after if number else ""), []).append(int(number or -1))
    return ", ".join(f"{before}{spans(numbers)}{after}" for (before, after), numbers in alike.items())


def spans(numbers: Iterable[int]) -> str:
    """Numbers, those that follow one another as first and last; of no number nothing."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join("" if first < 0 else str(first) if first == last else f"{first}-{last}" for first, last in runs)
