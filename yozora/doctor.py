"""What this machine has for the work, and what will be used of it: `yozora doctor`."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import av
import torch

from yozora import __version__
from yozora.layers.attention import fastest, has_amx
from yozora.plan import UNKNOWN, choose_device, choose_dtype, cores, machine, memory_free

NEEDED = ("torch", "numpy", "av", "safetensors", "tokenizers", "einops", "jaxtyping", "pydantic", "typer", "mujoco-core")
EXTRAS = {"transformers": "weights", "huggingface_hub": "weights", "ftfy": "weights", "pillow": "weights", "tensorboard": "train"}
CODECS = {"libx264": ".mp4", "libvpx-vp9": ".webm", "gif": ".gif", "png": ".png"}


@dataclass(frozen=True)
class Finding:
    """A subject, how it stands with it, and what to do where something is missing."""

    subject: str
    state: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All that was found."""
    yield Finding("yozora", f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    for name in NEEDED:
        found = version(name)
        yield Finding(name, found or "not there", "" if found else f"pip install {name}")
    for name, extra in EXTRAS.items():
        found = version(name)
        yield Finding(name, found or f"not there; needed for yozora[{extra}]", "" if found else f"pip install 'yozora[{extra}]'")
    yield from devices()
    yield from files()


def devices() -> Iterator[Finding]:
    """What computes, in which numbers, by which kernels, with how much memory."""
    device, memory = choose_device(), memory_free(torch.device("cpu"))
    dtype = choose_dtype(device)
    has = [name for name, there in {"AMX": has_amx(), "AVX512-BF16": torch.cpu._is_avx512_bf16_supported()}.items() if there]
    threads = f"{cores()} for this process, {torch.get_num_threads()} threads"
    yield Finding("processor", f"{machine()}, {threads}; {', '.join(has) or 'no bfloat16'}")
    if device.type == "cuda":
        yield Finding("GPU", f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, {gigabytes(memory_free(device))} free")
    else:
        yield Finding("GPU", "MPS" if device.type == "mps" else "none; the processor does it all")
    yield Finding("computed on", f"{device.type} in {str(dtype).removeprefix('torch.')}")
    for count in (512, 4096):
        probe = torch.empty(1, count, 1, 64, dtype=dtype, device=device)
        yield Finding(f"attention, {count} tokens", fastest(probe, probe).__name__.replace("_", " "))
    yield Finding("memory", f"{gigabytes(memory)} free", "" if memory > 2 << 30 else "close other programs; a clip needs about 2 GB")


def files() -> Iterator[Finding]:
    """What reads and writes files, and where there is room for them."""
    libraries = ", ".join(
        f"{name} {'.'.join(map(str, numbers))}" for name, numbers in sorted(av.library_versions.items()) if name != "libavdevice"
    )
    yield Finding("FFmpeg", libraries)
    for codec, ending in CODECS.items():
        there = codec in av.codecs_available
        yield Finding(f"writes {ending}", codec if there else f"no {codec}", "" if there else f"end files otherwise than in {ending}")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub")
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    for subject, place in (("disk here", Path.cwd()), ("disk for weights", there)):
        free = shutil.disk_usage(place).free
        yield Finding(subject, f"{gigabytes(free)} free in {place}", "" if free > 1 << 30 else "make room")


def version(name: str) -> str:
    """The version of a package, or nothing where it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def gigabytes(size: int) -> str:
    """Bytes, for people."""
    return "unknown" if size >= UNKNOWN else f"{size / 1e9:.1f} GB"
