"""Open weights in single files: a repository of Wan's own code, or ComfyUI's folders; each part is told by its tensors, not by its name."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from yozora.flow.schedule import Schedule
from yozora.model import hub
from yozora.model.parts import Habits, Hearing, Model
from yozora.model.wan import STEPS, assembled, fill, habits_for
from yozora.model.ways import Ways
from yozora.text import UMT5, PictureEncoder
from yozora.text.pictures import holds_clip
from yozora.text.umt5_file import holds_umt5
from yozora.transformer.config import TransformerConfig
from yozora.transformer.keys import Style, config_of, style_of, tensors_in
from yozora.transformer.model import Transformer
from yozora.vae import VAEConfig, VideoVAE
from yozora.vae.keys import config_of_vae, read_vae_state, vae_style_of
from yozora.weights import Shelf, kept_sha256, shapes_of, shards

EXPERTS = ("high_noise", "low_noise")  # in the names of folders and files
FOLDERS = tuple(f"{name}_model" for name in EXPERTS)
STEM = "diffusion_pytorch_model"
PLACES = (".", "../vae", "../text_encoders", "../clip", "../clip_vision")  # where other parts lie, from the transformer's folder
TOKENIZERS = ("google/umt5-xxl", "tokenizer", ".")
BOUNDARY = {True: 0.9, False: 0.875}  # of experts that begin from a picture, and from words
SHIFT = {"words": 5.0, "experts": 12.0, "frames": 8.0, "pictures": 16.0}
LARGE_CHANNELS = 16  # of latents; what has more hears a level for each token (Wan 2.2 TI2V)
NO_EYES = "there is neither a folder image_encoder beside it nor a file of CLIP's in ../clip_vision"
NEEDED = "put it beside the transformer or, as ComfyUI does, in ../vae and ../text_encoders; or use a repository in the layout of diffusers"


@dataclass(frozen=True)
class Loose:
    """The files that make a model together, found from one of them or from their folder."""

    path: Path

    @cached_property
    def transformers(self) -> list[list[Path]]:
        """The files of the transformer, or of both experts, that for much noise first."""
        if self.path.is_file():
            stem, own = expert(self.path)
            if not own:
                return [[self.path]]
            named = {file: expert(file) for file in sorted(self.path.parent.glob("*.safetensors"))}
            both = {kind: [file] for file, (name, kind) in named.items() if name == stem}
            if len(both) < 2:
                other = {"high": "low", "low": "high"}[own]
                raise ValueError(f"{self.path} is one of two experts, and that for {other} noise is not beside it under the same name")
            return [both["high"], both["low"]]
        folders = [self.path / name for name in FOLDERS]
        if all(folder.is_dir() for folder in folders):
            return [shards(folder, STEM) for folder in folders]
        return [shards(self.path, STEM)]

    @property
    def folder(self) -> Path:
        """Where the transformer lies."""
        return self.path.parent if self.path.is_file() else self.path

    @cached_property
    def style(self) -> Style:
        """How the transformer's tensors are named."""
        try:
            return style_of(shapes_of(self.transformers[0]))
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error

    @cached_property
    def config(self) -> TransformerConfig:
        """The configuration of each transformer; heads are told by a `config.json` of Wan's where there is one."""
        described, heads = self.transformers[0][0].with_name("config.json"), 0
        with suppress(OSError, ValueError, LookupError, TypeError):
            heads = int(json.loads(described.read_text(encoding="utf-8"))["num_heads"])
        found = config_of(shapes_of(self.transformers[0]), self.style, heads)
        if found.given and not found.picture_dim and len(self.transformers) == 1:
            raise ValueError(f"{self.path} is one of two experts (Wan 2.2 I2V A14B); name the files alike, with high_noise and low_noise")
        return found

    @cached_property
    def vae(self) -> tuple[Path, VAEConfig]:
        """The file of the autoencoder whose latents the transformer makes, and its arrangement."""
        found = {}
        for file, shapes in self.beside():
            with suppress(ValueError):
                config = config_of_vae(shapes, vae_style_of(shapes))
                if config.channels == self.config.channels:
                    found[file] = config
        file = chosen(self.path, found, "autoencoder")
        if file:
            return file, found[file]
        lacking = f"its autoencoder of {self.config.channels} channels"
        raise ValueError(f"{self.path} is a transformer without {lacking}; {NEEDED}{self.pickles()}")

    @cached_property
    def text(self) -> tuple[Path, Path]:
        """The text encoder, a file or a folder, and the folder of its tokenizer."""
        found = chosen(self.path, [file for file, shapes in self.beside() if holds_umt5(shapes)], "text encoder")
        if found is None and (self.folder / "text_encoder" / "config.json").exists():
            found = self.folder / "text_encoder"
        if found is None:
            raise ValueError(f"{self.path} is a transformer without its text encoder, UMT5; {NEEDED}{self.pickles()}")
        for place in (self.folder, found.parent):
            for name in TOKENIZERS:
                if (place / name / "tokenizer.json").exists():
                    return found, place / name
        raise ValueError(f"{found} has no tokenizer beside it; copy the folder google/umt5-xxl of Wan's repository to {self.folder}")

    @cached_property
    def eyes(self) -> tuple[Path, Path | None] | None:
        """The image encoder and what prepares pictures for it, for weights that hear pictures; ValueError where there is none."""
        if not self.config.picture_dim:
            return None
        folder = self.folder / "image_encoder"
        if folder.is_dir():
            return folder, self.folder / "image_processor"
        if file := chosen(self.path, [file for file, shapes in self.beside() if holds_clip(shapes)], "image encoder"):
            return file, None
        raise ValueError(f"{self.path} hears pictures by way of CLIP, and {NO_EYES}{self.pickles()}")

    def beside(self) -> Iterator[tuple[Path, dict[str, tuple[int, ...]]]]:
        """The files in which other parts may lie, with the shapes in them; what cannot be read is none of them."""
        own = {file for files in self.transformers for file in files}
        for place in PLACES:
            for file in sorted((self.folder / place).glob("*.safetensors")):
                if file not in own:
                    with suppress(ValueError):
                        yield file, shapes_of([file])

    def pickles(self) -> str:
        """What to say of pickles among the files."""
        places = ((self.folder / place).glob("*") for place in PLACES)
        found = sorted(file.name for files in places for file in files if file.name.endswith(hub.PICKLES))
        said = "is a pickle, which can run code when it is opened; convert it to safetensors where you trust it"
        return f" ({found[0]} {said})" if found else ""


def is_loose(path: Path) -> bool:
    """Whether a path is a file of weights, or a folder of a repository of Wan's own code."""
    if path.is_dir():
        return any(path.glob(f"{STEM}*.safetensors")) or all((path / name).is_dir() for name in FOLDERS)
    return path.suffix == ".safetensors" and path.is_file()


def name_of(folder: Path) -> str:
    """What a model is called in what it makes: the name of its file or folder."""
    return folder.resolve().stem


def habits_of(folder: Path) -> Habits:
    """How weights of these sizes are used by those who trained them; shifts are those of Wan's own code."""
    found = Loose(folder)
    config, experts = found.config, len(found.transformers) > 1
    given = bool(config.given)
    frames = bool(config.rates) or "skyreels" in str(folder.resolve()).lower()  # of which the larger ones are told no rate
    kind = "frames" if frames else "experts" if experts and not given else "pictures" if config.places else "words"
    schedule = Schedule(shift=SHIFT[kind], lowest=1 / STEPS, highest=1 - 1e-6, parts=STEPS)
    boundary, hears = BOUNDARY[given] if experts else 0.0, heard(config, frames=frames)
    return habits_for(config, schedule, boundary=boundary, hears=hears, name=name_of(folder))


def vae_sizes_of(folder: Path) -> VAEConfig:
    """The arrangement of the autoencoder."""
    return Loose(folder).vae[1]


def sizes_of(folder: Path) -> TransformerConfig:
    """The configuration of the transformer, or of each of two."""
    return Loose(folder).config


def leaps_of(folder: Path) -> int:
    """There are no students among these files."""
    return 0


def readers_of(folder: Path) -> dict[str, list[Path]]:
    """The files of what is loaded to read words or to look at pictures, and freed again."""
    found = Loose(folder)
    parts = {"words": found.text[0]} | ({"pictures": found.eyes[0]} if found.eyes else {})
    return {name: sorted(part.glob("*.safetensors")) if part.is_dir() else [part] for name, part in parts.items()}


def digest(folder: Path) -> str:
    """Hash of all weights, the autoencoder's first."""
    found = Loose(folder)
    read = [file for files in readers_of(folder).values() for file in files]
    return "-".join(kept_sha256(file)[:8] for file in (found.vae[0], *read, *(file for files in found.transformers for file in files)))


def load(folder: Path, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...], ways: Ways) -> Model:
    """Load a model for inference; raises ValueError with the keys that do not fit."""
    found, habits, known = Loose(folder), habits_of(folder), digest(folder)
    text = UMT5(encoder=found.text[0], tokenizer=found.text[1], device=device)
    text.read(texts)
    file, config = found.vae
    with torch.device("meta"):  # no random weights only to replace them
        vae, networks = VideoVAE(config), [Transformer(found.config) for _ in found.transformers]
    tensors = Shelf([file])
    fill(vae, read_vae_state(tensors, config, vae_style_of(tensors)).items(), torch.float32, device, file)
    for network, files in zip(networks, found.transformers, strict=True):
        fill(network, tensors_in(Shelf(files), found.config, found.style), dtype, device, files[0], ways)
    eyes = PictureEncoder(encoder=found.eyes[0], processor=found.eyes[1], device=device) if found.eyes else None
    model = Model(name=name_of(folder), digest=known, vae=vae, text=text, transformer=networks[0], habits=habits, eyes=eyes)
    return assembled(model, networks[1:])


def heard(config: TransformerConfig, *, frames: bool) -> Hearing:
    """What hears a level of its own."""
    return "frame" if frames else "token" if config.channels > LARGE_CHANNELS else "clip"


def expert(file: Path) -> tuple[str, str]:
    """A file's name without what tells which of two experts it is, and which it is: high, low, or neither."""
    found = re.search(r"(?<![a-z])(high|low)(?=[ _.-]*noise|[^a-z])", name := file.name.lower())
    if not found:
        return name, ""
    return re.sub(r"[ _.-]+", "", name[: found.start()] + "|" + name[found.end() :]), found[1]


def chosen(path: Path, files: Iterable[Path], kind: str) -> Path | None:
    """Of files that would each fit a transformer the only one, or the only one that is called Wan's; ValueError where several are."""
    found = list(files)
    for some in (found, [file for file in found if re.search(r"wan|umt5", file.name.lower())]):
        if len(some) == 1:
            return some[0]
    if found:
        raise ValueError(f"{path} could go with each {kind} of {', '.join(str(file) for file in found)}; leave one where it is")
    return None
