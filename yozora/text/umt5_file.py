"""A UMT5 encoder in a single file, as ComfyUI and Wan's own code keep it: its shapes tell its sizes, its tokenizer lies beside it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yozora.weights import Shelf, check_keys

# Names of Wan's own code and those of the library transformers; {} is the number of a layer.
ORIGINAL = {
    "token_embedding.weight": "shared.weight",
    "norm.weight": "encoder.final_layer_norm.weight",
    "blocks.{}.norm1.weight": "encoder.block.{}.layer.0.layer_norm.weight",
    "blocks.{}.norm2.weight": "encoder.block.{}.layer.1.layer_norm.weight",
    "blocks.{}.pos_embedding.embedding.weight": "encoder.block.{}.layer.0.SelfAttention.relative_attention_bias.weight",
    **{f"blocks.{{}}.attn.{one}.weight": f"encoder.block.{{}}.layer.0.SelfAttention.{one}.weight" for one in "qkvo"},
    "blocks.{}.ffn.gate.0.weight": "encoder.block.{}.layer.1.DenseReluDense.wi_0.weight",
    "blocks.{}.ffn.fc1.weight": "encoder.block.{}.layer.1.DenseReluDense.wi_1.weight",
    "blocks.{}.ffn.fc2.weight": "encoder.block.{}.layer.1.DenseReluDense.wo.weight",
}
TABLES = ("shared.weight", "token_embedding.weight", "encoder.embed_tokens.weight")  # names of the table of words
PIECES = "spiece_model"  # a tensor of bytes in which ComfyUI's files carry their tokenizer


def holds_umt5(names: Mapping[str, Any]) -> bool:
    """Whether a file's tensors are those of a UMT5 encoder, in either style of names."""
    second = {"blocks.1.pos_embedding.embedding.weight", "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"}
    return bool(second & names.keys())  # T5 has such a bias in its first layer alone


def renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names of `transformers`."""
    found = {}
    for name in tensors:
        if name in (PIECES, "encoder.embed_tokens.weight"):  # the second is the first again
            continue
        number = re.search(r"blocks\.(\d+)\.", name)
        general = name.replace(f"blocks.{number[1]}.", "blocks.{}.") if number else name
        found[ORIGINAL[general].format(number[1] if number else "") if general in ORIGINAL else name] = tensors[name]
    return found


def original_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names of Wan's own code, from those of `transformers`."""
    back = {theirs: ours for ours, theirs in ORIGINAL.items()}
    found = {}
    for name, value in tensors.items():
        number = re.search(r"block\.(\d+)\.", name)
        general = name.replace(f"block.{number[1]}.", "block.{}.", 1) if number else name
        found[back[general].format(number[1] if number else "")] = value
    return found


def config_of_umt5(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """The sizes of an encoder, by its tensors under the names of `transformers`; KeyError where one is missing."""
    vocabulary, dim = tensors["shared.weight"].shape
    buckets, heads = tensors["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"].shape
    return {
        "vocab_size": vocabulary,
        "d_model": dim,
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
        "d_kv": len(tensors["encoder.block.0.layer.0.SelfAttention.q.weight"]) // heads,
        "d_ff": len(tensors["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"]),
        "num_layers": sum(name.endswith("DenseReluDense.wo.weight") for name in tensors),
    }


def read_file(path: Path, dtype: torch.dtype) -> Any:
    """The encoder in a file, in memory and in `dtype`; raises ValueError with the keys that do not fit one of its sizes."""
    from transformers import UMT5Config, UMT5EncoderModel

    tensors = renamed(Shelf([path]))
    try:
        sizes: dict[str, Any] = {**config_of_umt5(tensors)}
    except KeyError as error:
        raise ValueError(f"{path} holds no UMT5 encoder: it lacks {error}") from error
    with torch.device("meta"):
        network = UMT5EncoderModel(UMT5Config(**sizes))
    tensors["encoder.embed_tokens.weight"] = tensors["shared.weight"]
    check_keys(tensors, {name: tuple(value.shape) for name, value in network.state_dict().items()}, path)
    network.load_state_dict({name: value.to(dtype) for name, value in tensors.items()}, assign=True)
    network.tie_weights()
    return network
