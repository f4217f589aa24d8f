"""Files of low-rank additions (LoRA) to transformers of the Wan family, in the styles of three programs: read, merged or held, written."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, register_parametrization

from yozora.transformer.config import TransformerConfig
from yozora.transformer.keys import Part, all_parts, name_in

# Names of diffusers and PEFT; of Wan's own code, as ComfyUI reads them; of kohya's trainers, whose names have no dots.
Style = Literal["diffusers", "original", "kohya"]
PREFIXES: dict[Style, tuple[str, ...]] = {
    "diffusers": ("transformer.", "base_model.model.", ""),
    "original": ("diffusion_model.", "model.diffusion_model.", ""),
    "kohya": ("lora_unet_", "lora_transformer_"),
}
DOWN = {"diffusers": ".lora_A.weight", "original": ".lora_down.weight", "kohya": ".lora_down.weight"}
UP = {"diffusers": ".lora_B.weight", "original": ".lora_up.weight", "kohya": ".lora_up.weight"}
KINDS = {  # how the name of a tensor ends, and what of an addition it is
    ".lora_A.weight": "down",
    ".lora_A.default.weight": "down",
    ".lora_down.weight": "down",
    ".lora_B.weight": "up",
    ".lora_B.default.weight": "up",
    ".lora_up.weight": "up",
    ".alpha": "alpha",
    ".diff": "whole",
    ".diff_b": "bias",
    ".lora_B.bias": "bias",
}
NOTES = "lora_adapter_metadata"  # in which diffusers keeps what PEFT would know: r and lora_alpha


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What is added to a layer: to its weight `alpha / rank * up @ down` (`alpha` is the rank unless given) or a `whole`; to its bias."""

    down: Float[Tensor, "rank into"] | None = None
    up: Float[Tensor, "out rank"] | None = None
    alpha: float | None = None
    whole: Tensor | None = None
    bias: Tensor | None = None

    def weight(self) -> Tensor | None:
        """What is added to the weight, in float32."""
        if self.whole is not None:
            return self.whole.float()
        if self.down is None or self.up is None:
            return None
        rank = self.down.shape[0]
        return (self.alpha if self.alpha is not None else rank) / rank * (self.up.float() @ self.down.float())


Additions = dict[str, Addition]  # by the names that diffusers gives to layers


def read_additions(tensors: Mapping[str, Tensor], notes: Mapping[str, str], config: TransformerConfig) -> tuple[Additions, Style]:
    """What a file adds to which layers, and in which style it is named; raises ValueError with the names that fit no layer."""
    layers = {part_layer(name): part for part in all_parts(config) for name in part.theirs}
    style = additions_style_of(tensors, layers)
    known = {named(layer, style): layer for layer in layers}
    found: dict[str, dict[str, Tensor]] = {}
    strange = []
    for name, value in tensors.items():
        end = max((end for end in KINDS if name.endswith(end)), key=len, default="")
        stem = name.removesuffix(end)
        layer = next((known[stem.removeprefix(p)] for p in PREFIXES[style] if stem.startswith(p) and stem.removeprefix(p) in known), None)
        if not end or layer is None:
            strange.append(name)
        else:
            found.setdefault(layer, {})[KINDS[end]] = value
    if strange:
        raise ValueError(
            f"{len(strange)} of {len(tensors)} tensors add to nothing in this network, such as {', '.join(sorted(strange)[:4])}"
        )
    alphas = noted_alphas(notes)
    return {layer: addition_of(layer, kinds, alphas) for layer, kinds in found.items()}, style


def write_additions(additions: Additions, style: Style) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and notes of a file in a style; what was read from one of that style comes back bit for bit, prefixes of names aside."""
    kept: dict[str, Tensor] = {}
    for layer, one in additions.items():
        stem = PREFIXES[style][0] + named(layer, style)
        pieces = {DOWN[style]: one.down, UP[style]: one.up, ".diff": one.whole, ".diff_b": one.bias}
        if style == "diffusers":
            pieces[".lora_B.bias"] = pieces.pop(".diff_b")
        elif one.alpha is not None:
            pieces[".alpha"] = torch.tensor(one.alpha)
        kept |= {stem + end: value for end, value in pieces.items() if value is not None}
    alphas = {layer: one.alpha for layer, one in additions.items() if one.alpha is not None}
    if style != "diffusers" or not alphas:
        return kept, {}
    return kept, {NOTES: json.dumps({"transformer.alpha_pattern": alphas})}


@torch.no_grad()
def merge_additions(network: nn.Module, config: TransformerConfig, additions: Additions, strength: float) -> None:
    """Add to a network's weights for good; raises ValueError where something is of another size, before anything is changed."""
    for module, leaf, rows, added in list(placed(network, config, additions)):
        tensor = getattr(module, leaf)
        changed = tensor.clone()
        changed[rows] = (tensor[rows].float() + strength * added.to(tensor.device)).to(tensor.dtype)
        setattr(module, leaf, changed if is_parametrized(module, leaf) else nn.Parameter(changed, requires_grad=tensor.requires_grad))


def hold_additions(network: nn.Module, config: TransformerConfig, additions: Additions, strength: float) -> None:
    """Add whenever a weight is used, which leaves it as it is; `torch.nn.utils.parametrize.remove_parametrizations` takes it away again."""
    for module, leaf, rows, added in list(placed(network, config, additions)):
        register_parametrization(module, leaf, Held(added.to(getattr(module, leaf).device), rows, strength), unsafe=True)


class Held(nn.Module):
    """Rows of a weight with something added to them."""

    def __init__(self, added: Tensor, rows: slice, strength: float) -> None:
        super().__init__()
        self.added, self.rows, self.strength = nn.Buffer(added), rows, strength

    def forward(self, weight: Tensor) -> Tensor:
        changed = weight.clone()
        changed[self.rows] = (weight[self.rows].float() + self.strength * self.added).to(weight.dtype)
        return changed


def placed(network: nn.Module, config: TransformerConfig, additions: Additions) -> Iterator[tuple[nn.Module, str, slice, Tensor]]:
    """Each tensor that is added to, by its module and name in it, which of its rows, and what; ValueError for what is of another size."""
    parts = {name: (part, number) for part in all_parts(config) for number, name in enumerate(part.theirs)}
    for layer, one in additions.items():
        for kind, added in (("weight", one.weight()), ("bias", one.bias)):
            if added is None:
                continue
            part, number = parts.get(f"{layer}.{kind}") or parts.get(layer) or (None, 0)
            if part is None:
                raise ValueError(f"{layer} has no {kind} in this network")
            path, _, leaf = part.ours.rpartition(".")
            tensor = getattr(module := network.get_submodule(path), leaf)
            rows = slice(number * (size := len(tensor) // len(part.theirs)), (number + 1) * size)
            taken = taken_by(part, added.float())
            if taken.shape != tensor[rows].shape:
                raise ValueError(
                    f"an addition of {tuple(taken.shape)} does not fit {layer}, {tuple(tensor[rows].shape)}; it is for another size"
                )
            yield module, leaf, rows, taken


def taken_by(part: Part, added: Tensor) -> Tensor:
    """An addition as our tensor lies; where it cannot lie so, as it came."""
    try:
        return part.take(added)
    except (IndexError, RuntimeError, ValueError):
        return added


def part_layer(name: str) -> str:
    """The layer that a tensor belongs to."""
    return name.removesuffix(".weight").removesuffix(".bias")


def named(layer: str, style: Style) -> str:
    """The name of a layer in a style."""
    if style == "diffusers":
        return layer
    name = name_in("original", layer)
    return name if style == "original" else name.replace(".", "_")


def additions_style_of(names: Mapping[str, Tensor], layers: Mapping[str, Part]) -> Style:
    """In which style additions are named: that in which most of their names fit; raises ValueError where none does in any."""

    def fitting(style: Style) -> int:
        known = {prefix + named(layer, style) for prefix in PREFIXES[style] for layer in layers}
        return sum(
            1 for name in names if re.sub("|".join(f"{re.escape(end)}$" for end in sorted(KINDS, key=len, reverse=True)), "", name) in known
        )

    counts = {style: fitting(style) for style in PREFIXES}
    best: Style = max(PREFIXES, key=lambda style: counts[style])
    if not counts[best]:
        raise ValueError(f"none of {len(names)} tensors adds to a layer of this network, such as {', '.join(sorted(names)[:4])}")
    return best


def noted_alphas(notes: Mapping[str, str]) -> dict[str, float]:
    """The alphas that a file's notes name, by layer; under "" that of all others."""
    try:
        kept = json.loads(notes.get(NOTES, "{}"))
        found = {name: float(value) for name, value in (kept.get("transformer.alpha_pattern") or {}).items()}
        if (common := kept.get("transformer.lora_alpha")) is not None:
            found[""] = float(common)
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"the notes of the file are damaged: {error}") from error
    return found


def addition_of(layer: str, kinds: Mapping[str, Tensor], alphas: Mapping[str, float]) -> Addition:
    """The addition to a layer; raises ValueError where it is not whole or not finite."""
    if ("down" in kinds) != ("up" in kinds):
        raise ValueError(f"{layer} has one matrix of two; the file is not whole")
    alpha = float(kinds["alpha"]) if "alpha" in kinds else alphas.get(layer, alphas.get(""))
    down, up = kinds.get("down"), kinds.get("up")
    if down is not None and up is not None and (down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]):
        raise ValueError(f"{layer} has matrices of {tuple(down.shape)} and {tuple(up.shape)}, which make no product")
    if alpha is not None and not math.isfinite(alpha):
        raise ValueError(f"{layer} has an alpha of {alpha}")
    return Addition(down=down, up=up, alpha=alpha, whole=kinds.get("whole"), bias=kinds.get("bias"))
