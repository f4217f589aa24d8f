"""What other projects call the parts of a Wan transformer, and what we call them; both ways without loss."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from einops import rearrange
from torch import Tensor

from yozora.transformer.config import TransformerConfig
from yozora.weights import listed

Change = Callable[[Tensor], Tensor]
# The names of the library diffusers; those of Wan's own code; the latter behind the prefix that ComfyUI gives to a network in a file.
Style = Literal["diffusers", "original", "comfy"]
PREFIX = "model.diffusion_model."
UNUSED = re.compile(r"(blocks\.\d+\.attn2\.norm_added_q|blocks\.\d+\.cross_attn\.norm_q_img)\.weight")  # in some files, in no network
FOREIGN = {  # what of a file tells that its network does more than those of this family that are known here
    "to_gate_compress": "FastWan, whose attention was trained to leave keys out",
    "vace_blocks": "VACE, which draws by way of a second network",
    "motion_encoder": "Wan-Animate, which follows a performer",
}


def style_of(names: Mapping[str, Any]) -> Style:
    """In which style a file's tensors are named; raises ValueError where it holds no Wan transformer, or one of another kind."""
    if kind := next((said for mark, said in FOREIGN.items() if any(mark in name for name in names)), None):
        raise ValueError(f"these are the weights of {kind}; they are not known here")
    for style in ("diffusers", "original", "comfy"):
        if name_in(style, "condition_embedder.time_proj.weight") in names:
            return style
    raise ValueError("these are not the weights of a Wan transformer")


def read_state(theirs: Mapping[str, Tensor], config: TransformerConfig, style: Style = "diffusers") -> dict[str, Tensor]:
    """Our state of a Wan transformer's, named in some style; ValueError lists keys that are missing or left over."""
    return dict(tensors_in(theirs, config, style))


def tensors_in(theirs: Mapping[str, Tensor], config: TransformerConfig, style: Style = "diffusers") -> Iterator[tuple[str, Tensor]]:
    """The tensors of `read_state` one by one, so that no more than one need be in memory as it was kept."""
    parts = list(all_parts(config))
    wanted = {name_in(style, name) for part in parts for name in part.theirs}
    check_names({name for name in theirs if not UNUSED.search(name)}, wanted)
    for part in parts:
        pieces = [part.take(theirs[name_in(style, name)]) for name in part.theirs]
        yield part.ours, pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def write_state(ours: Mapping[str, Tensor], config: TransformerConfig, style: Style = "diffusers") -> dict[str, Tensor]:
    """The inverse of `read_state`, bit for bit."""
    parts = list(all_parts(config))
    check_names(set(ours), {part.ours for part in parts})
    return {
        name_in(style, name): part.give(piece).contiguous()
        for part in parts
        for name, piece in zip(part.theirs, ours[part.ours].chunk(len(part.theirs)), strict=True)
    }


def config_from_diffusers(described: Mapping[str, Any]) -> TransformerConfig:
    """The configuration of a `WanTransformer3DModel` or its kin; LookupError or TypeError where it is not described as one."""
    heads, channels = int(described["num_attention_heads"]), int(described["in_channels"])
    latents = int(described.get("out_channels") or channels)
    return TransformerConfig(
        channels=latents,
        dim=heads * int(described["attention_head_dim"]),
        heads=heads,
        layers=int(described["num_layers"]),
        feedforward=int(described["ffn_dim"]),
        text_dim=int(described["text_dim"]),
        patch=tuple(described["patch_size"]),
        frequency_dim=int(described["freq_dim"]),
        eps=float(described["eps"]),
        given=channels - latents,
        picture_dim=int(described.get("image_dim") or 0),
        places=int(described.get("pos_embed_seq_len") or 0),
        rates=2 if described.get("inject_sample_info") else 0,
        rate=1 if described.get("inject_sample_info") else 0,
    )


def config_to_diffusers(config: TransformerConfig) -> dict[str, Any]:
    """The inverse of `config_from_diffusers`."""
    found = {
        "_class_name": "SkyReelsV2Transformer3DModel" if config.rates else "WanTransformer3DModel",
        "num_attention_heads": config.heads,
        "attention_head_dim": config.dim // config.heads,
        "in_channels": config.channels + config.given,
        "out_channels": config.channels,
        "num_layers": config.layers,
        "ffn_dim": config.feedforward,
        "text_dim": config.text_dim,
        "patch_size": list(config.patch),
        "freq_dim": config.frequency_dim,
        "eps": config.eps,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "image_dim": config.picture_dim or None,
        "added_kv_proj_dim": config.dim if config.picture_dim else None,
        "pos_embed_seq_len": config.places or None,
    }
    return found | ({"inject_sample_info": True} if config.rates else {})


# Of the frame rates that SkyReels-V2 is told the first is 16 a second and the second 24, at which it makes clips.
HEAD = 128  # width of a head in all that were published
PATCH = (1, 2, 2)


def config_of(shapes: Mapping[str, tuple[int, ...]], style: Style, heads: int = 0) -> TransformerConfig:
    """The configuration that shapes tell: patches and eps are those of all that were published, and heads unless they are known."""

    def shape(name: str) -> tuple[int, ...]:
        return shapes.get(name_in(style, name), (0, 0, 0))

    dim, channels = shape("patch_embedding.weight")[:2]
    cells = PATCH[0] * PATCH[1] * PATCH[2]
    latents = shape("proj_out.bias")[0] // cells
    block = re.compile(re.escape(name_in(style, "blocks.0.ffn.net.2.bias")).replace("0", r"(\d+)", 1))
    return TransformerConfig(
        channels=latents,
        dim=dim,
        heads=heads or max(1, dim // HEAD),
        layers=sum(1 for name in shapes if block.fullmatch(name)),
        feedforward=shape("blocks.0.ffn.net.0.proj.bias")[0],
        text_dim=shape("condition_embedder.text_embedder.linear_1.weight")[1],
        patch=PATCH,
        frequency_dim=shape("condition_embedder.time_embedder.linear_1.weight")[1],
        given=channels - latents,
        picture_dim=shape("condition_embedder.image_embedder.norm1.weight")[0],
        places=shape("condition_embedder.image_embedder.pos_embed")[1],
        rates=shape("fps_embedding.weight")[0],
        rate=int(shape("fps_embedding.weight")[0] > 0),
    )


def same(tensor: Tensor) -> Tensor:
    """The tensor as it is."""
    return tensor


@dataclass(frozen=True)
class Part:
    """One tensor of ours, made of one or more of theirs laid behind one another, by the names that diffusers gives them."""

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
    layers = WHOLE | (PICTURES if config.picture_dim else {}) | (RATES if config.rates else {})
    for ours, theirs in layers.items():
        for kind in ("weight", "bias"):
            yield Part(f"{ours}.{kind}", (f"{theirs}.{kind}",))
    if config.places:
        yield Part("embed_pictures.places", ("condition_embedder.image_embedder.pos_embed",), drop_batch, add_batch)
    if config.rates:
        yield Part("embed_level.rates.weight", ("fps_embedding.weight",))
    for layer in range(config.layers):
        yield from block_parts(f"blocks.{layer}.", pictures=bool(config.picture_dim))


WHOLE = {
    "embed_level.first": "condition_embedder.time_embedder.linear_1",
    "embed_level.second": "condition_embedder.time_embedder.linear_2",
    "embed_level.modulate": "condition_embedder.time_proj",
    "embed_words.0": "condition_embedder.text_embedder.linear_1",
    "embed_words.2": "condition_embedder.text_embedder.linear_2",
    "head.out": "proj_out",
}
PICTURES = {
    "embed_pictures.norm_in": "condition_embedder.image_embedder.norm1",
    "embed_pictures.expand": "condition_embedder.image_embedder.ff.net.0.proj",
    "embed_pictures.contract": "condition_embedder.image_embedder.ff.net.2",
    "embed_pictures.norm_out": "condition_embedder.image_embedder.norm2",
}
RATES = {"embed_level.rate_first": "fps_projection.net.0.proj", "embed_level.rate_second": "fps_projection.net.2"}
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
BLOCK_PICTURES = {"cross_attention.picture_key_value": ("attn2.add_k_proj", "attn2.add_v_proj")}
NORM_PICTURES = {"cross_attention.picture_key_norm": "attn2.norm_added_k"}


def block_parts(prefix: str, *, pictures: bool) -> Iterator[Part]:
    """Every tensor of one block."""
    yield Part(f"{prefix}modulation", (f"{prefix}scale_shift_table",), drop_batch, add_batch)
    for ours, theirs in (BLOCK | (BLOCK_PICTURES if pictures else {})).items():
        for kind in ("weight", "bias"):
            yield Part(f"{prefix}{ours}.{kind}", tuple(f"{prefix}{name}.{kind}" for name in theirs))
    for ours, theirs in (NORMS | (NORM_PICTURES if pictures else {})).items():
        yield Part(f"{prefix}{ours}", (f"{prefix}{theirs}.weight",))


ORIGINAL = {  # what begins a name in diffusers, and in Wan's own code
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.image_embedder.norm1": "img_emb.proj.0",
    "condition_embedder.image_embedder.ff.net.0.proj": "img_emb.proj.1",
    "condition_embedder.image_embedder.ff.net.2": "img_emb.proj.3",
    "condition_embedder.image_embedder.norm2": "img_emb.proj.4",
    "condition_embedder.image_embedder.pos_embed": "img_emb.emb_pos",
    "fps_projection.net.0.proj": "fps_projection.0",
    "fps_projection.net.2": "fps_projection.2",
    "scale_shift_table": "head.modulation",
    "proj_out": "head.head",
}
ORIGINAL_BLOCK = {
    **{
        f"attn{number}.{theirs}": f"{kind}.{own}"
        for number, kind in ((1, "self_attn"), (2, "cross_attn"))
        for theirs, own in (
            ("to_q", "q"),
            ("to_k", "k"),
            ("to_v", "v"),
            ("to_out.0", "o"),
            ("norm_q", "norm_q"),
            ("norm_k", "norm_k"),
            ("add_k_proj", "k_img"),
            ("add_v_proj", "v_img"),
            ("norm_added_k", "norm_k_img"),
        )
    },
    "norm2": "norm3",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "scale_shift_table": "modulation",
}


def name_in(style: Style, name: str) -> str:
    """The name that a tensor has in a style, by its name in diffusers."""
    if style == "diffusers":
        return name
    prefix = PREFIX if style == "comfy" else ""
    if match := re.fullmatch(r"(blocks\.\d+\.)(.+)", name):
        return prefix + match[1] + _begun(match[2], ORIGINAL_BLOCK)
    return prefix + _begun(name, ORIGINAL)


def _begun(name: str, names: Mapping[str, str]) -> str:
    stem = next((stem for stem in names if name == stem or name.startswith(stem + ".")), "")
    return names[stem] + name[len(stem) :] if stem else name


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
        said = "; ".join(f"{kind}: {listed(names)}" for kind, names in (("missing", missing), ("unexpected", extra)) if names)
        raise ValueError(f"these are not the weights of this configuration; {said}")
