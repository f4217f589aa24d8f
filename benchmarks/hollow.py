"""A folder of the sizes of Wan 2.1 T2V 1.3B as diffusers keeps it, of zeros that take no disk: `python benchmarks/hollow.py FOLDER`.

What it takes to use open weights can be measured with it; what it draws is nothing.
"""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tokenizers
import torch
import typer
from transformers import UMT5Config, UMT5EncoderModel

from yozora import command
from yozora.transformer.config import TransformerConfig
from yozora.transformer.keys import config_to_diffusers, write_state
from yozora.transformer.model import Transformer
from yozora.vae import VideoVAE, wan21_vae_config
from yozora.vae.keys import config_to_diffusers_vae, write_vae_state

SIZES = TransformerConfig(channels=16, dim=1536, heads=12, layers=30, feedforward=8960, text_dim=4096)
WORDS = UMT5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64, architectures=["UMT5EncoderModel"])


def hollow(file: Path, tensors: Mapping[str, torch.Tensor], kind: str) -> None:
    """A safetensors file of zeros: its table is written, and the rest is a hole."""
    width, end, table = {"BF16": 2, "F32": 4}[kind], 0, {}
    for name, value in tensors.items():
        begin, end = end, end + width * math.prod(value.shape)
        table[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [begin, end]}
    head = json.dumps(table).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(head)) + head)
        stream.truncate(8 + len(head) + end)


def describe(file: Path, values: dict[str, Any]) -> None:
    """Write a JSON file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values), encoding="utf-8")


def make(folder: Path) -> None:
    """Write the folder."""
    vae = wan21_vae_config()
    with torch.device("meta"):
        parts = Transformer(SIZES).state_dict(), VideoVAE(vae).state_dict(), UMT5EncoderModel(WORDS).state_dict()
    hollow(folder / "transformer" / "diffusion_pytorch_model.safetensors", write_state(parts[0], SIZES), "BF16")
    hollow(folder / "vae" / "diffusion_pytorch_model.safetensors", write_vae_state(parts[1], vae), "F32")
    words = {name: value for name, value in parts[2].items() if name != "encoder.embed_tokens.weight"}
    hollow(folder / "text_encoder" / "model.safetensors", words, "BF16")
    WORDS.save_pretrained(folder / "text_encoder")
    rules = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 2}, unk_token="<unk>"))
    rules.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    (folder / "tokenizer").mkdir(exist_ok=True)
    rules.save(str(folder / "tokenizer" / "tokenizer.json"))
    describe(folder / "transformer" / "config.json", config_to_diffusers(SIZES))
    describe(folder / "vae" / "config.json", config_to_diffusers_vae(vae))
    describe(folder / "scheduler" / "scheduler_config.json", {"flow_shift": 3.0})
    known = {part: ["library", "class"] for part in ("vae", "text_encoder", "transformer")}
    describe(folder / "model_index.json", {"_class_name": "WanPipeline", **known})


def main(folder: Annotated[Path, typer.Argument(help="new folder")]) -> None:
    """Write the folder and say where it is."""
    if folder.exists():
        raise ValueError(f"{folder} is there already; name a new folder")
    make(folder)
    print(folder)


if __name__ == "__main__":
    command.run(main)
