"""A folder of open weights of the Wan family, in the layout of the library diffusers, asked and loaded."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from yozora.flow.schedule import Schedule
from yozora.model import hub
from yozora.model.parts import Habits, Model, Trained
from yozora.text import UMT5, PictureEncoder
from yozora.transformer.config import TransformerConfig
from yozora.transformer.experts import Experts
from yozora.transformer.keys import config_from_diffusers, read_state
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
    shift = float(description(folder, "scheduler/scheduler_config.json").get("flow_shift", 1.0))
    common: dict[str, Any] = {"schedule": Schedule(shift=shift, lowest=1 / STEPS, highest=1 - 1e-6, parts=STEPS), "boundary": boundary}
    if kind == FRAMES:
        trained = Trained(sides=(544, 960), frames=(1, 97))
        return Habits(size=(960, 544), seconds=4.0, fps=24.0, steps=30, guidance=6.0, trained=trained, hears="frame", **common)
    if described.get("expand_timesteps"):
        trained = Trained(sides=(704, 1280), frames=(1, 121))
        return Habits(size=(1280, 704), seconds=5.0, fps=24.0, steps=50, guidance=5.0, trained=trained, **common)
    common |= {"hears": "clip", "seconds": 5.0, "fps": 16.0}
    network = description(folder, "transformer/config.json")
    if boundary:
        pictures, guidance = (1, (3.5, 3.5)) if kind == PICTURE else (0, (4.0, 3.0))
        guided = {"guidance": guidance[0], "guidance_low": guidance[1]}
        return Habits(size=(1280, 720), steps=40, trained=LARGE, pictures=pictures, **guided, **common)
    pictures = 0 if kind == TEXT else 2 if network.get("pos_embed_seq_len") else 1
    small = int(network.get("num_layers", 0)) < 40
    size, trained = ((832, 480), SMALL) if small else ((1280, 720), LARGE)
    return Habits(size=size, steps=50, guidance=5.0, trained=trained, pictures=pictures, **common)


def cell_of(folder: Path) -> tuple[int, int, int]:
    """Pixels (time, height, width) that a cell of the latents stands for."""
    return vae_sizes_of(folder).cell


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
    return "-".join(kept_sha256(file)[:8] for part in parts_of(folder) for file in shards(folder / part, WEIGHTS[part]))


def load(folder: Path, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...] = ()) -> Model:
    """Load a model for inference, its text encoder only while it reads; raises ValueError with the keys that do not fit."""
    habits, known = habits_of(folder), digest(folder)
    text = UMT5(encoder=folder / "text_encoder", tokenizer=folder / "tokenizer", device=device)
    text.read(texts)
    with torch.device("meta"):  # no random weights only to replace them
        vae = VideoVAE(vae_sizes_of(folder))
    fill(vae, read_vae_state(shelf(folder, "vae"), vae.config), torch.float32, folder / "vae")
    transformer = network(folder, "transformer", dtype)
    if habits.boundary:
        transformer = Experts(transformer, network(folder, "transformer_2", dtype), habits.boundary)
    given = transformer.config.given
    if given and given != vae.config.cell[0] + vae.config.channels:
        raise ValueError(f"{folder} has a transformer that hears {given} more channels, which is not how Wan's are told what is given")
    eyes = None
    if transformer.config.picture_dim:
        eyes = PictureEncoder(encoder=folder / "image_encoder", processor=folder / "image_processor", device=device)
    for module in (vae, transformer):
        module.to(device).eval().requires_grad_(requires_grad=False)
    return Model(name=name_of(folder), digest=known, vae=vae, text=text, transformer=transformer, habits=habits, eyes=eyes)


def parts_of(folder: Path) -> Iterator[str]:
    """The parts of a model that have weights."""
    described = description(folder, DESCRIPTION)
    for part in WEIGHTS:
        if (described.get(part) or [None])[0] is not None:
            yield part


def network(folder: Path, part: str, dtype: torch.dtype) -> Transformer:
    """The transformer in a part of a folder."""
    config = sizes_of(folder, part)
    with torch.device("meta"):
        transformer = Transformer(config)
    fill(transformer, read_state(shelf(folder, part), config), dtype, folder / part)
    return transformer


def shelf(folder: Path, part: str) -> Shelf:
    """The weights of a part."""
    return Shelf(shards(folder / part, WEIGHTS[part]))


def fill(module: nn.Module, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype, path: Path) -> None:
    """Give a module on the meta device its weights; raises ValueError with all keys that are missing, extra or of another shape."""
    check_keys(tensors, {name: tuple(value.shape) for name, value in module.state_dict().items()}, path)
    module.load_state_dict({name: value.to(dtype) for name, value in tensors.items()}, assign=True)


def description(folder: Path, file: str) -> dict[str, Any]:
    """The contents of a JSON file of a model's folder; raises ValueError where it cannot be read."""
    try:
        found = json.loads((folder / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{folder / file} holds no table")
    return found
