"""A model folder or bundled name becomes its parts together: VAE, text encoder, transformer and how to use them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import torch

from yozora.text import TextConfig, TextEncoder, Tokenizer
from yozora.transformer.model import Transformer, TransformerConfig
from yozora.vae import VideoVAE, load_vae, save_vae
from yozora.weights import load_into, sha256, write

BUNDLED = "hoshi"
FILES = ("vae.safetensors", "text.safetensors", "transformer.safetensors", "tokenizer.json")


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a model is used unless the request says otherwise, and the range it was trained in."""

    size: tuple[int, int]  # width, height in pixels
    seconds: float
    fps: float
    steps: int
    guidance: float
    trained: "Trained"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Sides in pixels and frames between which the model has seen clips; `frames` is also what a request may ask at most twice of."""

    sides: tuple[int, int]
    frames: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Model:
    """Everything that turns words into pixels; `name` and `digest` go into what it makes."""

    name: str
    digest: str
    vae: VideoVAE
    text: TextEncoder
    transformer: Transformer
    habits: Habits


def find(name: str) -> Path:
    """The folder of a bundled model or the folder that `name` is; raises ValueError with the names there are."""
    bundled = Path(str(resources.files("yozora"))) / "models"
    for folder in (bundled / name, Path(name)):
        if (folder / "model.json").is_file():
            return folder
    names = sorted(path.parent.name for path in bundled.glob("*/model.json"))
    if Path(name).is_dir():
        raise ValueError(f"{name} is a folder but no model: it has no model.json; bundled models: {', '.join(names)}")
    raise ValueError(f"unknown model {name!r}; bundled models: {', '.join(names)}; or give a model's folder")


def describe(folder: Path) -> dict:
    """The contents of a folder's model.json; raises ValueError where it cannot be read."""
    try:
        return json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / 'model.json'} cannot be read: {error}") from error


def habits_of(folder: Path) -> Habits:
    """A model's habits, read without loading its weights."""
    found = describe(folder)["habits"]
    trained = Trained(**{name: tuple(span) for name, span in found["trained"].items()})
    return Habits(**{**found, "size": tuple(found["size"]), "trained": trained})


def load(name: str, device: torch.device, dtype: torch.dtype) -> Model:
    """Load a bundled model or a folder for inference; raises ValueError for files that do not fit, with the keys listed."""
    folder = find(name)
    described = describe(folder)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    vae = load_vae(folder / "vae.safetensors").to(dtype)
    text = TextEncoder(TextConfig(**described["text"]), tokenizer)
    transformer = Transformer(TransformerConfig(**_tuples(described["transformer"])))
    load_into(text, folder / "text.safetensors", dtype)
    load_into(transformer, folder / "transformer.safetensors", dtype)
    for module in (vae, text, transformer):
        module.to(device).eval().requires_grad_(requires_grad=False)
    return Model(
        name=described["name"], digest=digest(folder), vae=vae, text=text, transformer=transformer, habits=habits_of(folder)
    )


def save(model: Model, folder: Path) -> None:
    """Write a model's folder, weights in bfloat16."""
    folder.mkdir(parents=True, exist_ok=True)
    model.text.tokenizer.save(folder / "tokenizer.json")
    save_vae(model.vae, folder / "vae.safetensors", torch.bfloat16)
    for module, file in ((model.text, "text"), (model.transformer, "transformer")):
        write({name: value.to(torch.bfloat16) for name, value in module.state_dict().items()}, folder / f"{file}.safetensors")
    parts = {"text": model.text.config, "transformer": model.transformer.config}
    described = {"name": model.name, "habits": asdict(model.habits)} | {part: asdict(config) for part, config in parts.items()}
    (folder / "model.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def digest(folder: Path) -> str:
    """Hash of all files of a model together."""
    return "-".join(sha256(folder / file)[:8] for file in FILES)


def _tuples(values: dict) -> dict:
    return {name: tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value for name, value in values.items()}
