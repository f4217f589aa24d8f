"""Weights of Wan's video autoencoder in the layout of diffusers, renamed to ours."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from yozora.vae.config import VAEConfig

# Patterns of diffusers and what they are called here; the first that matches from the start of a name wins.
BLOCK = {"norm1.gamma": "norm1.weight", "norm2.gamma": "norm2.weight", "conv_shortcut": "shortcut"}
RESAMPLE = {"resample.1": "space", "time_conv": "time"}
ENDS = {"conv_in": "enter", "conv_out": "leave", "norm_out.gamma": "norm.weight"}
ATTENTION = {"norm.gamma": "norm_weight", "proj": "leave"}
TOP = {"quant_conv": "to_moments", "post_quant_conv": "from_latents"}


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


def from_diffusers_vae(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our names and shapes for the weights of `AutoencoderKLWan`, of the Wan 2.1 and the Wan 2.2 arrangement alike."""
    levels = _flat_levels(state_dict)
    return {_rename(name, levels): tensor.flatten() if "gamma" in name else tensor for name, tensor in state_dict.items()}


def _rename(name: str, levels: Mapping[int, tuple[int, str]]) -> str:
    part, _, rest = name.partition(".")
    if part in TOP:
        return f"{TOP[part]}.{rest}"
    if match := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", rest):
        kind, index, leaf = match.groups()
        if kind == "attentions":  # between the two blocks
            return f"{part}.middle.1.{_replace(leaf, ATTENTION)}"
        return f"{part}.middle.{2 * int(index)}.{_replace(leaf, BLOCK)}"
    if match := re.match(r"(?:down|up)_blocks\.(\d+)\.resnets\.(\d+)\.(.*)", rest):
        level, index, leaf = match.groups()
        return f"{part}.levels.{level}.blocks.{index}.{_replace(leaf, BLOCK)}"
    if match := re.match(r"(?:down|up)_blocks\.(\d+)\.(?:downsampler|upsampler|upsamplers\.0)\.(.*)", rest):
        return f"{part}.levels.{match[1]}.resample.{_replace(match[2], RESAMPLE)}"
    if match := re.match(r"down_blocks\.(\d+)\.(.*)", rest):
        level, place = levels[int(match[1])]
        return f"{part}.levels.{level}.{place}.{_replace(match[2], RESAMPLE | BLOCK)}"
    return f"{part}.{_replace(rest, ENDS)}"


def _flat_levels(state_dict: Mapping[str, Tensor]) -> dict[int, tuple[int, str]]:
    # Wan 2.1's encoder is one flat list of blocks and halvings; a level ends with its halving.
    found = {int(match[1]): match[2] for name in state_dict if (match := re.match(r"encoder\.down_blocks\.(\d+)\.(\w+)", name))}
    halvings = {int(match[1]) for name in state_dict if (match := re.match(r"encoder\.down_blocks\.(\d+)\.resample\.", name))}
    places, level, block = {}, 0, 0
    for index in sorted(found):
        if index in halvings:
            places[index] = (level, "resample")
            level, block = level + 1, 0
        else:
            places[index] = (level, f"blocks.{block}")
            block += 1
    return places


def _replace(name: str, names: Mapping[str, str]) -> str:
    for theirs, ours in names.items():
        if name == theirs or name.startswith(theirs + "."):
            return ours + name[len(theirs) :]
    return name
