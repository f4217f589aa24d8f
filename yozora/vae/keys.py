"""What other projects call the parts of Wan's video autoencoders, and what we call them; both ways without loss."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from yozora.vae.config import VAEConfig, wan21_vae_config, wan22_vae_config
from yozora.vae.model import VideoVAE

Style = Literal["diffusers", "original"]  # the library's names, and those of Wan's own code, which ComfyUI's files keep

ENDS = {
    "diffusers": {"enter": "conv_in", "leave": "conv_out", "norm.weight": "norm_out.gamma"},
    "original": {"enter": "conv1", "leave": "head.2", "norm.weight": "head.0.gamma"},
}
BLOCK = {
    "diffusers": {"norm1.weight": "norm1.gamma", "norm2.weight": "norm2.gamma", "shortcut": "conv_shortcut"},
    "original": {"norm1.weight": "residual.0.gamma", "conv1": "residual.2", "norm2.weight": "residual.3.gamma", "conv2": "residual.6"},
}
RESAMPLE = {"space": "resample.1", "time": "time_conv"}
ATTENTION = {"norm_weight": "norm.gamma", "leave": "proj"}
TOP = {
    "diffusers": {"to_moments": "quant_conv", "from_latents": "post_quant_conv"},
    "original": {"to_moments": "conv1", "from_latents": "conv2"},
}


def config_from_diffusers_vae(described: Mapping[str, Any]) -> VAEConfig:
    """The arrangement of an `AutoencoderKLWan`; LookupError or TypeError where it is not described as one."""
    residual = bool(described.get("is_residual", False))
    widths, base = described["dim_mult"], int(described["base_dim"])
    decoder = int(described.get("decoder_base_dim") or base)
    return VAEConfig(
        encoder_widths=tuple(base * times for times in widths),
        decoder_widths=tuple(decoder * times for times in widths),
        blocks=int(described["num_res_blocks"]),
        time_down=tuple(map(bool, described["temperal_downsample"])),
        channels=int(described["z_dim"]),
        fold=int(described.get("patch_size") or 1),
        shortcut="regroup" if residual else "none",
        attention=True,
        mean=tuple(map(float, described["latents_mean"])),
        std=tuple(map(float, described["latents_std"])),
    )


def config_to_diffusers_vae(config: VAEConfig) -> dict[str, Any]:
    """The inverse of `config_from_diffusers_vae`."""
    residual, base = config.shortcut == "regroup", config.encoder_widths[0]
    found = {
        "_class_name": "AutoencoderKLWan",
        "base_dim": base,
        "decoder_base_dim": config.decoder_widths[0],
        "dim_mult": [width // base for width in config.encoder_widths],
        "num_res_blocks": config.blocks,
        "temperal_downsample": list(config.time_down),
        "z_dim": config.channels,
        "latents_mean": list(config.mean),
        "latents_std": list(config.std),
        "is_residual": residual,
        "scale_factor_temporal": config.cell[0],
        "scale_factor_spatial": config.cell[1],
    }
    pixels = 3 * config.fold**2
    return found | ({"patch_size": config.fold, "in_channels": pixels, "out_channels": pixels} if residual else {})


def config_of_vae(shapes: Mapping[str, tuple[int, ...]], style: Style) -> VAEConfig:
    """The arrangement that a file's shapes tell, where nothing else does: Wan 2.1's or Wan 2.2's, at any width."""
    ends = ENDS[style]
    folded = shapes.get(f"encoder.{ends['enter']}.weight")
    if folded is None:
        raise ValueError("these are the weights of a decoder alone, and what is given could not be encoded")
    found = wan21_vae_config() if folded[1] == 3 else wan22_vae_config()
    widths = (folded[0], shapes[f"decoder.{ends['norm.weight']}"][0])
    encoder, decoder = (
        tuple(width * times // own[0] for times in own)
        for width, own in zip(widths, (found.encoder_widths, found.decoder_widths), strict=True)
    )
    if shapes[f"{TOP[style]['from_latents']}.weight"][0] != found.channels:
        raise ValueError(f"an autoencoder of Wan's has {found.channels} channels in its latents, this one another number")
    return replace(found, encoder_widths=encoder, decoder_widths=decoder)


def vae_style_of(names: Mapping[str, Any]) -> Style:
    """In which style a file's tensors are named; raises ValueError where it holds no autoencoder of Wan's."""
    for style in ("diffusers", "original"):
        if f"decoder.{ENDS[style]['norm.weight']}" in names and f"{TOP[style]['from_latents']}.weight" in names:
            return style
    raise ValueError("these are not the weights of Wan's video autoencoder")


def read_vae_state(theirs: Mapping[str, Tensor], config: VAEConfig, style: Style = "diffusers") -> dict[str, Tensor]:
    """Our names and shapes for an autoencoder's weights, of the Wan 2.1 and the Wan 2.2 arrangement alike.

    What is missing is left out, and what is surplus keeps its name, for the check of all keys that follows.
    """
    names = _names(config, style)
    found = {ours: theirs[name].flatten() if name.endswith("gamma") else theirs[name] for ours, name in names.items() if name in theirs}
    return found | {name: theirs[name] for name in theirs.keys() - names.values()}


def write_vae_state(ours: Mapping[str, Tensor], config: VAEConfig, style: Style = "diffusers") -> dict[str, Tensor]:
    """The inverse of `read_vae_state`, bit for bit."""
    return {name: _shaped(name, ours[own]) for own, name in _names(config, style).items()}


def _names(config: VAEConfig, style: Style) -> dict[str, str]:
    with torch.device("meta"):
        names = VideoVAE(config).state_dict()
    return {name: name_in(name, config, style) for name in names}


def name_in(name: str, config: VAEConfig, style: Style) -> str:
    """The name that a tensor of ours has in a style."""
    part, _, rest = name.partition(".")
    if part in TOP[style]:
        return f"{TOP[style][part]}.{rest}"
    if match := re.match(r"middle\.(\d)\.(.*)", rest):  # attention stands between two blocks
        index, leaf = int(match[1]), match[2]
        if style == "original":
            return f"{part}.middle.{index}.{_replace(leaf, ATTENTION if index == 1 else BLOCK[style])}"
        if index == 1:
            return f"{part}.mid_block.attentions.0.{_replace(leaf, ATTENTION)}"
        return f"{part}.mid_block.resnets.{index // 2}.{_replace(leaf, BLOCK[style])}"
    if match := re.match(r"levels\.(\d+)\.(?:blocks\.(\d+)|resample)\.(.*)", rest):
        level, block = int(match[1]), None if match[2] is None else int(match[2])
        leaf = _replace(match[3], RESAMPLE if block is None else BLOCK[style])
        return f"{part}.{_place(level, block, config, style, encoder=part == 'encoder')}.{leaf}"
    return f"{part}.{_replace(rest, ENDS[style])}"


def _place(level: int, block: int | None, config: VAEConfig, style: Style, *, encoder: bool) -> str:
    """Where a block of a level stands, or what halves or doubles behind them: Wan 2.1's own code has one flat list, Wan 2.2's nests."""
    blocks, nested = config.blocks + (not encoder), config.shortcut == "regroup"
    flat = level * (blocks + 1) + (blocks if block is None else block)
    if style == "original":
        kind = "downsamples" if encoder else "upsamples"
        return f"{kind}.{level}.{kind}.{blocks if block is None else block}" if nested else f"{kind}.{flat}"
    if encoder and not nested:
        return f"down_blocks.{flat}"
    kind = "down" if encoder else "up"
    last = f"{kind}sampler" if nested else "upsamplers.0"
    return f"{kind}_blocks.{level}.{last if block is None else f'resnets.{block}'}"


def _shaped(name: str, tensor: Tensor) -> Tensor:
    """Scales of norms have axes of one behind them."""
    if not name.endswith("gamma"):
        return tensor.contiguous()
    images = ".attentions." in name or ".norm.gamma" in name  # attention looks at frames one by one
    return tensor.view(-1, *[1] * (2 if images else 3))


def _replace(name: str, names: Mapping[str, str]) -> str:
    for ours, theirs in names.items():
        if name == ours or name.startswith(ours + "."):
            return theirs + name[len(ours) :]
    return name
