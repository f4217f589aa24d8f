"""A folder of a model that was trained here: read, written, and asked what it holds without loading its weights."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from yozora.captioner import Captioner, load_captioner, save_captioner
from yozora.model.parts import Habits, Model, Student
from yozora.model.ways import Ways
from yozora.room import is_out_of_memory
from yozora.text import TextConfig, TextEncoder, Tokenizer
from yozora.text.tokenizer import START, UNKNOWN
from yozora.transformer import lora
from yozora.transformer.model import Transformer, TransformerConfig
from yozora.vae import VAEConfig, VideoVAE, load_vae, read_config, save_vae
from yozora.weights import load_into, read, read_notes, sha256, write

DESCRIPTION = "model.json"
FILES = ("vae.safetensors", "text.safetensors", "transformer.safetensors", "tokenizer.json", DESCRIPTION)
CAPTIONER = "captioner.safetensors"  # which a folder may lack; it makes nothing, and what is made does not name it
STUDENT = "student.safetensors"  # which a folder may lack; what is made with it names it


def describe(folder: Path) -> dict:
    """The contents of a folder's model.json; raises ValueError where it cannot be read."""
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / 'model.json'} cannot be read: {error}") from error


def habits_of(folder: Path) -> Habits:
    """A model's habits, read without loading its weights; raises ValueError for a model.json that is not ours."""
    with foreign(folder):
        return _read(Habits, _table(describe(folder))["habits"])


def vae_sizes_of(folder: Path) -> VAEConfig:
    """The arrangement of a model's autoencoder."""
    with foreign(folder):
        return read_config(folder / "vae.safetensors")


def load(folder: Path, device: torch.device, dtype: torch.dtype, texts: tuple[str, ...], ways: Ways) -> Model:
    """Load a model for inference, whose text encoder is small enough to stay; raises ValueError with the keys that do not fit."""
    described = describe(folder)
    if missing := [file for file in FILES if not (folder / file).exists()]:
        raise ValueError(
            f"{folder} lacks {', '.join(missing)}; a model needs all of {', '.join(FILES)}, its text ones to be asked in words"
        )
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    with foreign(folder):
        habits, name = _read(Habits, _table(described)["habits"]), str(described["name"])
        vae = load_vae(folder / "vae.safetensors").to(dtype)
        with torch.device("meta"):  # no random weights only to replace them
            text = TextEncoder(_read(TextConfig, described["text"]), tokenizer)
            transformer = Transformer(_read(TransformerConfig, described["transformer"]))
        _check_parts(vae, text, transformer)
    load_into(text, folder / "text.safetensors", dtype)
    load_into(transformer, folder / "transformer.safetensors", dtype)
    known, captioner = digest(folder), None
    if (folder / CAPTIONER).exists():
        with foreign(folder):
            captioner = load_captioner(folder / CAPTIONER, known.partition("-")[0])  # in float32: its numbers are compared
            _check_captioner(captioner, vae, tokenizer)
    student = None
    if (folder / STUDENT).exists():
        with foreign(folder):
            student = _load_student(folder / STUDENT, transformer, known)
    for module in (vae, text, transformer, *([captioner] if captioner else [])):
        module.to(device).eval().requires_grad_(requires_grad=False)
    return Model(name=name, digest=known, vae=vae, text=text, transformer=transformer, habits=habits, captioner=captioner, student=student)


def save(model: Model, folder: Path) -> None:
    """Write a model's folder, weights in bfloat16; of its captioner, which reads latents, the file says of which VAE."""
    folder.mkdir(parents=True, exist_ok=True)
    model.own_text.tokenizer.save(folder / "tokenizer.json")
    save_vae(model.vae, folder / "vae.safetensors", torch.bfloat16)
    for module, file in ((model.own_text, "text"), (model.transformer, "transformer")):
        write({name: value.to(torch.bfloat16) for name, value in module.state_dict().items()}, folder / f"{file}.safetensors")
    if model.captioner:
        save_captioner(model.captioner, folder / CAPTIONER, sha256(folder / FILES[0])[:8], torch.bfloat16)
    if model.student:
        note = {"leaps": model.student.leaps, "transformer": sha256(folder / FILES[2])[:8]}
        additions = {name: value.to(torch.bfloat16) for name, value in model.student.additions.items()}
        write(additions, folder / STUDENT, {"student": json.dumps(note)})  # one note: several have no order
    else:
        (folder / STUDENT).unlink(missing_ok=True)  # it would be another transformer's
    parts = {"text": model.own_text.config, "transformer": model.transformer.config}
    described = {"name": model.name, "habits": asdict(model.habits)} | {part: asdict(config) for part, config in parts.items()}
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def sizes_of(folder: Path) -> TransformerConfig:
    """The configuration of a model's transformer."""
    with foreign(folder):
        return _read(TransformerConfig, _table(describe(folder))["transformer"])


def name_of(folder: Path) -> str:
    """What a model is called in what it makes."""
    with foreign(folder):
        return str(_table(describe(folder))["name"])


def student_digest(folder: Path) -> str:
    """Hash of a model's student, which it must have."""
    return sha256(folder / STUDENT)[:8]


def readers_of(folder: Path) -> dict[str, list[Path]]:
    """What reads words stays in memory."""
    return {}


def digest(folder: Path) -> str:
    """Hash of all files together that a model makes clips with."""
    return "-".join(sha256(folder / file)[:8] for file in FILES)


def leaps_of(folder: Path) -> int:
    """In how many steps the student of a model makes a clip, read without loading its weights; 0 where there is none."""
    with foreign(folder):
        return int(_student_note(folder / STUDENT)["leaps"]) if (folder / STUDENT).exists() else 0


def captioner_digest(folder: Path) -> str:
    """Hash of a model's captioner; raises ValueError where it has none."""
    if not (folder / CAPTIONER).exists():
        raise ValueError(f"{folder} has no captioner: train one (yozora train further --from {shlex.quote(str(folder))} --only captioner)")
    return sha256(folder / CAPTIONER)[:8]


@contextmanager
def foreign(folder: Path) -> Iterator[None]:
    """What files of another program, or of another version of this one, end in becomes one ValueError that names the folder."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, RuntimeError, json.JSONDecodeError) as error:
        if is_out_of_memory(error):
            raise
        reason = f"lacks {error}" if isinstance(error, KeyError) else str(error) or "its files contradict each other"
        raise ValueError(f"{folder} is no model of this version of yozora: {reason}; name another or train it again") from error


def _read(kind: type, values: Any) -> Any:
    """A dataclass from what JSON kept of it, its types checked."""
    surplus = _table(values).keys() - {field.name for field in fields(kind)}
    if surplus:
        raise TypeError(f"unknown {', '.join(sorted(surplus))}")
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise TypeError("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())) from error


def _table(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise TypeError(f"a table was expected in model.json, not {type(values).__name__}")
    return values


def _check_parts(vae: VideoVAE, text: TextEncoder, transformer: Transformer) -> None:
    rules = text.tokenizer.rules
    numbers = rules.get_vocab()
    text.tokenizer.unknown("a word")  # another program's rules can lack what this needs
    if (numbers.get(START), numbers.get(UNKNOWN)) != (0, 1) or max(numbers.values()) >= text.config.vocabulary:
        raise TypeError("tokenizer.json numbers its words in another way")
    if transformer.config.channels != vae.config.channels or transformer.config.text_dim != text.config.dim:
        raise TypeError("its parts do not fit each other")


def _student_note(path: Path) -> dict[str, Any]:
    note = read_notes(path).get("student")
    if note is None:
        raise ValueError(f"{path} does not say how many steps it takes; train it again (yozora train RECIPE --from MODEL --only student)")
    return _table(json.loads(note))


def _load_student(path: Path, transformer: Transformer, known: str) -> Student:
    """Raises ValueError where the student was made for another transformer than that of digest `known`."""
    note = _student_note(path)
    if note["transformer"] != known.split("-")[2]:
        raise ValueError(f"{path} was made for another transformer.safetensors ({note['transformer']}); train it again or remove it")
    additions = read(path)
    lora.check(transformer, additions)
    return Student(leaps=int(note["leaps"]), additions=additions, digest=sha256(path)[:8])


def _check_captioner(captioner: Captioner, vae: VideoVAE, tokenizer: Tokenizer) -> None:
    if (captioner.config.channels, captioner.config.vocabulary) != (vae.config.channels, tokenizer.size):
        raise TypeError("its captioner does not fit its other parts")
