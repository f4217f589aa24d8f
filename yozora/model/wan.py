"""A folder of open weights of the Wan family, in the layout of the library diffusers, asked and loaded."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from yozora.flow.schedule import Schedule
from yozora.model import hub
from yozora.model.parts import Habits, Hearing, Model, Trained
from yozora.model.ways import Ways
from yozora.text import UMT5, PictureEncoder
from yozora.transformer.config import TransformerConfig
from yozora.transformer.experts import Experts
from yozora.transformer.keys import config_from_diffusers, tensors_in
from yozora.transformer.model import Transformer
from yozora.vae import VAEConfig, VideoVAE
from yozora.vae.keys import config_from_diffusers_vae, read_vae_state
from yozora.weights import Shelf, check_keys, kept_sha256, shards

DESCRIPTION = "model_index.json"
WEIGHTS = {
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "transformer": "diffusion_pytorch_model",
    "transformer_2": "diffusion_pytorch_model",
    "image_encoder": "model",
}
STEPS = 1000  # from data to noise in Wan's training; solvers begin a hair below the last and end one above the first
TEXT, PICTURE, FRAMES = "WanPipeline", "WanImageToVideoPipeline", "SkyReelsV2DiffusionForcingPipeline"
SHIFTS = {TEXT: 3.0, PICTURE: 3.0, FRAMES: 8.0}  # of times, where a folder names none
SMALL, LARGE = Trained(sides=(480, 832), frames=(1, 81)), Trained(sides=(480, 1280), frames=(1, 81))


def name_of(folder: Path) -> str:
    """What a model is called in what it makes: the folder's name, or that of the repository that it was fetched from."""
    return hub.repository_of(folder)


@contextmanager
def understood(folder: Path) -> Iterator[None]:
    """A description that lacks something, or says something else than is understood, becomes one ValueError that names the folder."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, AssertionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error) or "its numbers contradict each other"
        raise ValueError(f"{folder} is not described as weights of the Wan family are: {reason}; fetch it again") from error


def habits_of(folder: Path) -> Habits:
    """How weights of these sizes are used by those who trained them."""
    with understood(folder):
        return _habits_of(folder)


def _habits_of(folder: Path) -> Habits:
    described = description(folder, DESCRIPTION)
    kind, boundary = described.get("_class_name"), float(described.get("boundary_ratio") or 0)
    if kind not in (TEXT, PICTURE, FRAMES):
        raise ValueError(f"{folder} holds a {kind}; of the Wan family {TEXT}, {PICTURE} and {FRAMES} are known here")
    times = description(folder, "scheduler/scheduler_config.json")
    said = float(times.get("flow_shift") or times.get("shift") or 1)  # which is written where nobody said anything
    shift = said if said != 1 else SHIFTS[kind]
    schedule = Schedule(shift=shift, lowest=1 / STEPS, highest=1 - 1e-6, parts=STEPS)
    hears: Hearing = "frame" if kind == FRAMES else "token" if described.get("expand_timesteps") else "clip"
    boundary = boundary if "transformer_2" in parts_of(folder) else 0.0
    return habits_for(sizes_of(folder), schedule, boundary=boundary, hears=hears, name=name_of(folder))


def habits_for(config: TransformerConfig, schedule: Schedule, *, boundary: float, hears: Hearing, name: str) -> Habits:
    """How a transformer of such sizes, that hears levels so, is used: `boundary` is that of two experts, else 0.

    That some were trained on smaller pictures only their `name` tells.
    """
    common: dict[str, Any] = {"schedule": schedule, "boundary": boundary}
    if hears == "frame":
        trained = Trained(sides=(544, 960) if config.layers < 40 else (544, 1280), frames=(1, 97))
        return Habits(size=(960, 544), seconds=97 / 24, fps=24.0, steps=30, guidance=6.0, trained=trained, hears="frame", **common)
    if hears == "token":
        trained = Trained(sides=(704, 1280), frames=(1, 121))
        return Habits(size=(1280, 704), seconds=121 / 24, fps=24.0, steps=50, guidance=5.0, trained=trained, **common)
    pictures = 2 if config.places else int(config.given > 0)
    common |= {"hears": "clip", "seconds": 81 / 16, "fps": 16.0, "pictures": pictures}
    if boundary:
        guidance, low = (3.5, 3.5) if pictures else (4.0, 3.0)
        return Habits(size=(1280, 720), steps=40, trained=LARGE, guidance=guidance, guidance_low=low, **common)
    small = config.layers < 40 or "480p" in name.lower()
    size, trained = ((832, 480), SMALL) if small else ((1280, 720), LARGE)
    return Habits(size=size, steps=40 if pictures == 1 else 50, guidance=5.0, trained=trained, **common)


def vae_sizes_of(folder: Path) -> VAEConfig:
    """The arrangement of the autoencoder."""
    with understood(folder):
        return config_from_diffusers_vae(description(folder, "vae/config.json"))


def sizes_of(folder: Path, part: str = "transformer") -> TransformerConfig:
    """The configuration of the transformer, or of each of two."""
    with understood(folder):
        return config_from_diffusers(description(folder, f"{part}/config.json"))


def leaps_of(folder: Path) -> int:
    """There are no students in these folders."""
    return 0


def digest(folder: Path) -> str:
    """Hash of all weights, the VAE's first."""
    return "-".join(kept_sha256(file)[:8] for file in files_of(folder))


def readers_of(folder: Path) -> dict[str, list[Path]]:
    """The files of what is loaded to read words or to look at pictures, and freed again."""
    parts = {"words": "text_encoder", "pictures": "image_encoder"}
    return {name: shards(folder / part, WEIGHTS[part]) for name, part in parts.items() if part in parts_of(folder)}


def files_of(folder: Path) -> list[Path]:
    """The files of all weights, the VAE's first; raises ValueError where one is missing."""
    return [file for part in parts_of(folder) for file in shards(folder / part, WEIGHTS[part])]


def load(folder: Path, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...], ways: Ways) -> Model:
    """Load a model for inference, its text encoder only while it reads; raises ValueError with the keys that do not fit."""
    habits, known = habits_of(folder), digest(folder)
    text = UMT5(encoder=folder / "text_encoder", tokenizer=folder / "tokenizer", device=device)
    text.read(texts)
    with torch.device("meta"):  # no random weights only to replace them
        vae = VideoVAE(vae_sizes_of(folder))
    fill(vae, read_vae_state(shelf(folder, "vae"), vae.config).items(), torch.float32, device, folder / "vae")
    transformer = network(folder, "transformer", dtype, device, ways)
    low = [network(folder, "transformer_2", dtype, device, ways)] if habits.boundary else []
    eyes = None
    if transformer.config.picture_dim:
        eyes = PictureEncoder(encoder=folder / "image_encoder", processor=folder / "image_processor", device=device)
    model = Model(name=name_of(folder), digest=known, vae=vae, text=text, transformer=transformer, habits=habits, eyes=eyes)
    return assembled(model, low)


def assembled(model: Model, low: Sequence[Transformer]) -> Model:
    """A model ready for use, with the expert for little noise where there is one; ValueError where its parts do not fit."""
    config, vae = model.transformer.config, model.vae.config
    if config.channels != vae.channels:
        raise ValueError(f"{model.name} has a transformer for {config.channels} channels and an autoencoder of {vae.channels}")
    if config.given not in (0, vae.cell[0] + vae.channels):
        told = vae.cell[0] + vae.channels
        raise ValueError(f"{model.name} has a transformer that hears {config.given} more channels; Wan's are told what is given in {told}")
    if low:
        model = replace(model, transformer=Experts(model.own_transformer, low[0], model.habits.boundary))
    for module in (model.vae, model.transformer):
        module.eval().requires_grad_(requires_grad=False)
    return model


def parts_of(folder: Path) -> Iterator[str]:
    """The parts of a model that have weights."""
    described = description(folder, DESCRIPTION)
    for part in WEIGHTS:
        if (described.get(part) or [None])[0] is not None:
            yield part


def network(folder: Path, part: str, dtype: torch.dtype, device: torch.device, ways: Ways) -> Transformer:
    """The transformer in a part of a folder."""
    config = sizes_of(folder, part)
    with torch.device("meta"):
        transformer = Transformer(config)
    fill(transformer, tensors_in(shelf(folder, part), config), dtype, device, folder / part, ways)
    return transformer


def shelf(folder: Path, part: str) -> Shelf:
    """The weights of a part."""
    return Shelf(shards(folder / part, WEIGHTS[part]))


def fill(
    module: nn.Module,
    tensors: Iterable[tuple[str, torch.Tensor]],
    dtype: torch.dtype,
    device: torch.device,
    path: Path,
    ways: Ways | None = None,
) -> None:
    """Give a module on the meta device its weights, each converted before the next is read; those of a transformer are kept in some ways.

    Raises ValueError with all keys that are missing, extra or of another shape.
    """
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    if isinstance(module, Transformer) and ways:
        ways.prepare(module, device, dtype)
    found, seen = {}, {}
    for name, value in tensors:
        seen[name] = value.to("meta")
        if expected.get(name) == tuple(value.shape):
            found |= as_kept(module, name, value.to(dtype).to(device))  # not every device knows the type in the file
    check_keys(seen, expected, path)
    module.load_state_dict(found, assign=True)


def as_kept(module: nn.Module, name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """A tensor by its name in the state of a module, or what is kept of it by theirs."""
    path, _, leaf = name.rpartition(".")
    if not is_parametrized(layer := module.get_submodule(path), leaf):
        return {name: value}
    keeper: Any = cast(nn.ModuleDict, layer.parametrizations)[leaf]
    kept = keeper[0].right_inverse(value)
    stem = f"{path}.parametrizations.{leaf}.original"
    return {stem: kept} if isinstance(kept, torch.Tensor) else {f"{stem}{number}": part for number, part in enumerate(kept)}


def description(folder: Path, file: str) -> dict[str, Any]:
    """The contents of a JSON file of a model's folder; raises ValueError where it cannot be read."""
    try:
        found = json.loads((folder / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{folder / file} holds no table")
    return found
