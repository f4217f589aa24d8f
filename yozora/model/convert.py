"""Open weights from one layout to another, every number as it was: folders of diffusers, Wan's own repositories, ComfyUI's single files."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from yozora.model import wan
from yozora.model.loose import EXPERTS, STEM, Loose
from yozora.model.loose import habits_of as loose_habits
from yozora.model.parts import Habits
from yozora.text.pictures import read_clip
from yozora.text.umt5 import MISSING
from yozora.text.umt5_file import ORIGINAL, config_of_umt5, original_names, renamed
from yozora.transformer.config import TransformerConfig
from yozora.transformer.keys import UNUSED, Style, all_parts, check_names, config_to_diffusers, name_in
from yozora.vae import VAEConfig, VideoVAE
from yozora.vae.keys import Style as VAEStyle
from yozora.vae.keys import config_to_diffusers_vae, read_vae_state, vae_style_of, write_vae_state
from yozora.weights import Shelf, shapes_of, shards, write

Target = Literal["diffusers", "original", "comfy"]
PICTURES = ("image_encoder", "image_processor")
LIMIT = 5_000_000_000  # bytes of a file, where a part may lie in several


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """Tensors on a shelf, and by their names there the names that the libraries diffusers and transformers give them."""

    shelf: Shelf
    names: dict[str, str]

    def under(self, named: Callable[[str], str] = str) -> Iterator[tuple[str, Tensor]]:
        """The tensors, each read when its turn comes, under what is made of the libraries' names."""
        return ((named(name), self.shelf[own]) for own, name in self.names.items())


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A model taken apart; nothing but the autoencoder is read yet."""

    habits: Habits
    kind: str  # of pipeline, as diffusers calls it
    transformer: TransformerConfig
    networks: tuple[Shelved, ...]
    vae: VAEConfig
    autoencoder: dict[str, Tensor]  # under our names
    text: Shelved
    sizes: dict[str, int]  # of the text encoder
    tokenizer: Path
    eyes: tuple[Path, Path | None] | None  # the image encoder, a folder or a file, and the folder of what prepares pictures for it


def convert(source: Path, to: Path, target: Target, limit: int = LIMIT) -> list[Path]:
    """Write the weights of a model, a folder or a file, in a layout to a new folder; returns its files.

    Where a layout allows for it, parts of more than `limit` bytes lie in several files. Raises ValueError where the source is no model of
    open weights, with the names that no part of one has or that are missing, and where the folder is there already.
    """
    if to.exists():
        raise ValueError(f"{to} is there already; name a new folder")
    taken = taken_apart(source)
    {"diffusers": _diffusers, "original": _original, "comfy": _comfy}[target](taken, to, limit)
    return sorted(file for file in to.rglob("*") if file.is_file())


def taken_apart(source: Path) -> Taken:
    """The parts of a model; raises ValueError where one is missing or holds something else."""
    if not (source / wan.DESCRIPTION).is_file():
        return _loose(source)
    config, vae = wan.sizes_of(source), wan.vae_sizes_of(source)
    parts = {part: shards(source / part, wan.WEIGHTS[part]) for part in wan.parts_of(source)}
    text, sizes = _text(parts["text_encoder"])
    encoder, processor = (source / name for name in PICTURES)
    return Taken(
        habits=wan.habits_of(source),
        kind=wan.description(source, wan.DESCRIPTION)["_class_name"],
        transformer=config,
        networks=tuple(_network(files, config, "diffusers") for part, files in parts.items() if part.startswith("transformer")),
        vae=vae,
        autoencoder=_autoencoder(parts["vae"], vae, "diffusers"),
        text=text,
        sizes=sizes,
        tokenizer=source / "tokenizer",
        eyes=(encoder, processor if processor.is_dir() else None) if "image_encoder" in parts else None,
    )


def _loose(source: Path) -> Taken:
    found, habits = Loose(source), loose_habits(source)
    config, (file, vae), (encoder, tokenizer) = found.config, found.vae, found.text
    text, sizes = _text(shards(encoder, "model") if encoder.is_dir() else [encoder])
    return Taken(
        habits=habits,
        kind=wan.FRAMES if habits.hears == "frame" else wan.PICTURE if config.given else wan.TEXT,
        transformer=config,
        networks=tuple(_network(files, config, found.style) for files in found.transformers),
        vae=vae,
        autoencoder=_autoencoder([file], vae, vae_style_of(shapes_of([file]))),
        text=text,
        sizes=sizes,
        tokenizer=tokenizer,
        eyes=found.eyes,
    )


@contextmanager
def _read_from(files: list[Path]) -> Iterator[None]:
    """An error in what some files hold names the first."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{files[0]} lacks {error}") from error
    except ValueError as error:
        raise ValueError(f"{files[0]}: {error}") from error


def _network(files: list[Path], config: TransformerConfig, style: Style) -> Shelved:
    shelf = Shelf(files)
    known = {name_in(style, name): name for part in all_parts(config) for name in part.theirs}
    with _read_from(files):
        check_names({name for name in shelf if not UNUSED.search(name)}, set(known))
    return Shelved(shelf=shelf, names={name: known[name] for name in shelf if name in known})


def _autoencoder(files: list[Path], config: VAEConfig, style: VAEStyle) -> dict[str, Tensor]:
    with torch.device("meta"):
        wanted = set(VideoVAE(config).state_dict())
    with _read_from(files):
        state = read_vae_state(Shelf(files), config, style)
        check_names(set(state), wanted)
    return state


def _text(files: list[Path]) -> tuple[Shelved, dict[str, int]]:
    shelf, shapes = Shelf(files), shapes_of(files)
    names = _renamings(shelf, renamed)
    with _read_from(files):
        sizes = config_of_umt5({name: torch.empty(shapes[own], device="meta") for own, name in names.items()})
        check_names(set(names.values()), {name.format(layer) for name in ORIGINAL.values() for layer in range(sizes["num_layers"])})
    return Shelved(shelf=shelf, names=names), sizes


def _renamings(names: Iterable[str], rename: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]) -> dict[str, str]:
    """What a function that renames tensors makes of each name that it does not leave out; in place of tensors it gets numbers."""
    old = list(names)
    return {old[int(number)]: new for new, number in rename({name: torch.tensor(place) for place, name in enumerate(old)}).items()}


def _diffusers(taken: Taken, to: Path, limit: int) -> None:
    for name, network in zip(("transformer", "transformer_2"), taken.networks):
        _write(network.under(), to / name / f"{STEM}.safetensors", limit)
        _describe(config_to_diffusers(taken.transformer) | {"_class_name": _network_class(taken)}, to / name / "config.json")
    _write(write_vae_state(taken.autoencoder, taken.vae).items(), to / "vae" / f"{STEM}.safetensors", limit)
    _describe(config_to_diffusers_vae(taken.vae), to / "vae" / "config.json")
    _write(taken.text.under(), to / "text_encoder" / "model.safetensors", limit)
    _describe({"architectures": ["UMT5EncoderModel"], "model_type": "umt5", **taken.sizes}, to / "text_encoder" / "config.json")
    shutil.copytree(taken.tokenizer, to / "tokenizer", ignore=_without_weights)
    schedule = {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True}
    times = {"flow_shift": taken.habits.schedule.shift, "num_train_timesteps": wan.STEPS}
    _describe(schedule | times, to / "scheduler" / "scheduler_config.json")
    _describe(_index(taken), to / wan.DESCRIPTION)
    if taken.eyes and taken.eyes[0].is_file():
        _save_eyes(taken.eyes[0], to)
    else:
        _copy_eyes(taken, to)


def _network_class(taken: Taken) -> str:
    return "SkyReelsV2Transformer3DModel" if taken.kind == wan.FRAMES else "WanTransformer3DModel"


def _index(taken: Taken) -> dict[str, Any]:
    """What a pipeline of diffusers is made of."""
    network = ["diffusers", _network_class(taken)]
    found: dict[str, Any] = {
        "_class_name": taken.kind,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": network,
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    if taken.kind == wan.PICTURE:
        found["image_encoder"] = ["transformers", "CLIPVisionModel"] if taken.eyes else [None, None]
        found["image_processor"] = ["transformers", "CLIPImageProcessor"] if taken.eyes else [None, None]
    if taken.kind != wan.FRAMES:
        found["transformer_2"] = network if taken.habits.boundary else [None, None]
        found["boundary_ratio"] = taken.habits.boundary or None
        found["expand_timesteps"] = taken.habits.hears == "token"
    return found


def _original(taken: Taken, to: Path, limit: int) -> None:
    folders = [to] if len(taken.networks) == 1 else [to / f"{name}_model" for name in EXPERTS]
    for folder, network in zip(folders, taken.networks, strict=True):
        _write(network.under(lambda name: name_in("original", name)), folder / f"{STEM}.safetensors", limit)
        _describe({"_class_name": "WanModel", "num_heads": taken.transformer.heads}, folder / "config.json")
    _write(write_vae_state(taken.autoencoder, taken.vae, "original").items(), to / "Wan_VAE.safetensors")
    back = _renamings(taken.text.names.values(), original_names)
    _write(taken.text.under(back.__getitem__), to / "models_t5_umt5-xxl-enc.safetensors")  # in one file, as Wan's code wants it
    shutil.copytree(taken.tokenizer, to / "google" / "umt5-xxl", ignore=_without_weights)
    _copy_eyes(taken, to)


def _comfy(taken: Taken, to: Path, _: int) -> None:
    names = ["wan"] if len(taken.networks) == 1 else [f"wan_{name}" for name in EXPERTS]
    for name, network in zip(names, taken.networks, strict=True):
        _write(network.under(lambda name: name_in("comfy", name)), to / "diffusion_models" / f"{name}.safetensors")
    _write(write_vae_state(taken.autoencoder, taken.vae, "original").items(), to / "vae" / "wan_vae.safetensors")
    _write(taken.text.under(), to / "text_encoders" / "umt5_xxl.safetensors")
    shutil.copytree(taken.tokenizer, to / "text_encoders" / "tokenizer", ignore=_without_weights)
    _copy_eyes(taken, to / "diffusion_models", to / "clip_vision")


def _copy_eyes(taken: Taken, folder: Path, files: Path | None = None) -> None:
    """Copy the image encoder as it is: folders to a folder, a file to the same or to one for files."""
    for path, name in zip(taken.eyes or (), PICTURES):
        if path and path.is_dir():
            shutil.copytree(path, folder / name)
        elif path:
            (files or folder).mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, files or folder)


def _save_eyes(file: Path, to: Path) -> None:
    """Write an image encoder that is in a file, and what prepares pictures as CLIP's were, as folders."""
    try:
        from transformers import CLIPImageProcessorPil
    except ImportError as error:
        raise ValueError(MISSING) from error
    read_clip(file).save_pretrained(to / PICTURES[0])
    CLIPImageProcessorPil().save_pretrained(to / PICTURES[1])


def _write(tensors: Iterable[tuple[str, Tensor]], file: Path, limit: int | None = None) -> None:
    """Write tensors to a file, or where they take more than `limit` bytes to several, each as full as may be, and an index."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Tensor] = {}
    names: list[list[str]] = []
    size = total = 0

    def finish() -> None:
        names.append(list(found))
        write(found, file.with_name(f"{file.stem}-{len(names):05}{file.suffix}"), {"format": "pt"})
        found.clear()

    for name, value in tensors:
        if found and limit is not None and size + value.nbytes > limit:
            finish()
            size = 0
        found[name] = value
        size, total = size + value.nbytes, total + value.nbytes
    finish()
    last = [f"{file.stem}-{number:05}-of-{len(names):05}{file.suffix}" for number in range(1, len(names) + 1)] if names[1:] else [file.name]
    for number, name in enumerate(last, 1):
        file.with_name(f"{file.stem}-{number:05}{file.suffix}").rename(file.with_name(name))
    if names[1:]:
        places = {name: shard for shard, inside in zip(last, names, strict=True) for name in inside}
        _describe({"metadata": {"total_size": total}, "weight_map": places}, file.with_name(f"{file.name}.index.json"))


def _describe(values: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _without_weights(_: str, names: list[str]) -> Iterator[str]:
    """Of a tokenizer's folder only its small files."""
    return (name for name in names if name.endswith((".safetensors", ".pth", ".bin")))
