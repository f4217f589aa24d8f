"""What the diffusers library calls the parts of a Wan transformer, and what we call them; both ways without loss."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from yozora.transformer.model import TransformerConfig

Change = Callable[[Tensor], Tensor]


def config_from_diffusers(described: Mapping[str, Any]) -> TransformerConfig:
    """The configuration of a `WanTransformer3DModel`; LookupError or TypeError where it is not described as one."""
    heads = int(described["num_attention_heads"])
    return TransformerConfig(
        channels=int(described["in_channels"]),
        dim=heads * int(described["attention_head_dim"]),
        heads=heads,
        layers=int(described["num_layers"]),
        feedforward=int(described["ffn_dim"]),
        text_dim=int(described["text_dim"]),
        patch=tuple(described["patch_size"]),
        frequency_dim=int(described["freq_dim"]),
        eps=float(described["eps"]),
    )


def from_diffusers(theirs: Mapping[str, Tensor], config: TransformerConfig) -> dict[str, Tensor]:
    """Our state of a `WanTransformer3DModel`'s state; ValueError lists keys that are missing or left over."""
    parts = list(all_parts(config))
    check_names(set(theirs), {name for part in parts for name in part.theirs})
    return {part.ours: torch.cat([part.take(theirs[name]) for name in part.theirs]) for part in parts}


def to_diffusers(ours: Mapping[str, Tensor], config: TransformerConfig) -> dict[str, Tensor]:
    """The inverse of `from_diffusers`, bit for bit."""
    parts = list(all_parts(config))
    check_names(set(ours), {part.ours for part in parts})
    return {
        name: part.give(piece).contiguous()
        for part in parts
        for name, piece in zip(part.theirs, ours[part.ours].chunk(len(part.theirs)), strict=True)
    }


def same(tensor: Tensor) -> Tensor:
    """The tensor as it is."""
    return tensor


@dataclass(frozen=True)
class Part:
    """One tensor of ours, made of one or more of theirs laid behind one another."""

    ours: str
    theirs: tuple[str, ...]
    take: Change = same
    give: Change = same


def all_parts(config: TransformerConfig) -> Iterator[Part]:
    """Every tensor of the network."""
    time, height, width = config.patch

    def flatten_patch(kernel: Tensor) -> Tensor:
        return rearrange(kernel, "dim c a b d -> dim (a b d c)")

    def unflatten_patch(weight: Tensor) -> Tensor:
        return rearrange(weight, "dim (a b d c) -> dim c a b d", a=time, b=height, d=width)

    yield Part("embed_tokens.weight", ("patch_embedding.weight",), flatten_patch, unflatten_patch)
    yield Part("embed_tokens.bias", ("patch_embedding.bias",))
    yield Part("head.modulation", ("scale_shift_table",), drop_batch, add_batch)
    for ours, theirs in WHOLE.items():
        for kind in ("weight", "bias"):
            yield Part(f"{ours}.{kind}", (f"{theirs}.{kind}",))
    for layer in range(config.layers):
        yield from block_parts(f"blocks.{layer}.")


WHOLE = {
    "embed_level.first": "condition_embedder.time_embedder.linear_1",
    "embed_level.second": "condition_embedder.time_embedder.linear_2",
    "embed_level.modulate": "condition_embedder.time_proj",
    "embed_words.0": "condition_embedder.text_embedder.linear_1",
    "embed_words.2": "condition_embedder.text_embedder.linear_2",
    "head.out": "proj_out",
}
NORMS = {
    "self_attention.query_norm": "attn1.norm_q",
    "self_attention.key_norm": "attn1.norm_k",
    "cross_attention.query_norm": "attn2.norm_q",
    "cross_attention.key_norm": "attn2.norm_k",
}
BLOCK = {
    "self_attention.query_key_value": ("attn1.to_q", "attn1.to_k", "attn1.to_v"),
    "self_attention.out": ("attn1.to_out.0",),
    "cross_norm": ("norm2",),
    "cross_attention.query": ("attn2.to_q",),
    "cross_attention.key_value": ("attn2.to_k", "attn2.to_v"),
    "cross_attention.out": ("attn2.to_out.0",),
    "expand": ("ffn.net.0.proj",),
    "contract": ("ffn.net.2",),
}


def block_parts(prefix: str) -> Iterator[Part]:
    """Every tensor of one block."""
    yield Part(f"{prefix}modulation", (f"{prefix}scale_shift_table",), drop_batch, add_batch)
    for ours, theirs in BLOCK.items():
        for kind in ("weight", "bias"):
            yield Part(f"{prefix}{ours}.{kind}", tuple(f"{prefix}{name}.{kind}" for name in theirs))
    for ours, theirs in NORMS.items():
        yield Part(f"{prefix}{ours}", (f"{prefix}{theirs}.weight",))


def drop_batch(table: Tensor) -> Tensor:
    """A table without its axis of one."""
    return table[0]


def add_batch(table: Tensor) -> Tensor:
    """A table with an axis of one in front."""
    return table[None]


def check_names(found: set[str], wanted: set[str]) -> None:
    """Raise ValueError where keys are missing or surplus."""
    missing, extra = sorted(wanted - found), sorted(found - wanted)
    if missing or extra:
        raise ValueError(f"these are not the weights of this configuration: missing {missing}, unexpected {extra}")
