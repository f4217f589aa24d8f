"""Files of low-rank additions (LoRA) to transformers of the Wan family, in the styles of three programs: read, merged or held, written."""

import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, register_parametrization

from yozora.transformer.config import TransformerConfig
from yozora.transformer.keys import Change, all_parts, name_in
from yozora.transformer.model import Transformer
from yozora.weights import listed

# Names of diffusers and PEFT; of Wan's own code, as ComfyUI reads them; of kohya's trainers, whose names have no dots.
Style = Literal["diffusers", "original", "kohya"]
PREFIXES: dict[Style, tuple[str, ...]] = {
    "diffusers": ("transformer.", "base_model.model.", ""),
    "original": ("diffusion_model.", "model.diffusion_model.", ""),
    "kohya": ("lora_unet_", "lora_transformer_"),
}
Network = Literal["transformer", "transformer_2"]  # diffusers' names of the only network or that for much noise, and of that for little
DOWN = {"diffusers": ".lora_A.weight", "original": ".lora_down.weight", "kohya": ".lora_down.weight"}
UP = {"diffusers": ".lora_B.weight", "original": ".lora_up.weight", "kohya": ".lora_up.weight"}
KINDS = {  # how the name of a tensor ends, and what of an addition it is; PEFT puts in the name of an adapter
    "down": r"\.lora_(?:A(?:\.[^.]+)?|down)\.weight",
    "up": r"\.lora_(?:B(?:\.[^.]+)?|up)\.weight",
    "alpha": r"\.alpha",
    "whole": r"\.diff(?:_m)?",
    "bias": r"\.(?:diff_b|lora_B(?:\.[^.]+)?\.bias)",
}
END = re.compile("(?:" + "|".join(f"(?P<{kind}>{end})" for kind, end in KINDS.items()) + ")$")
TABLE = {"diffusers": ".scale_shift_table", "original": ".modulation", "kohya": "_modulation"}  # to which `.diff_m` adds
NOTES = "lora_adapter_metadata"  # in which diffusers keeps what PEFT would know: r and lora_alpha


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What is added to a layer: to its weight `alpha / rank * up @ down` (`alpha` is the rank unless given) or a `whole`; to its bias."""

    down: Float[Tensor, "rank into *kernel"] | None = None
    up: Float[Tensor, "out rank *ones"] | None = None
    alpha: float | None = None
    whole: Tensor | None = None
    bias: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of what is added to the weight, which need not be formed for it."""
        if self.whole is not None:
            return tuple(self.whole.shape)
        if self.down is None or self.up is None:
            return None
        return (self.up.shape[0], *self.down.shape[1:])

    def weight(self, device: torch.device | None = None) -> Tensor | None:
        """What is added to the weight, in float32, formed on a device or where its parts are."""
        if self.whole is not None:
            return self.whole.to(device).float()
        if self.down is None or self.up is None or self.shape is None:
            return None
        rank = self.down.shape[0]
        product = self.up.to(device).float().flatten(1) @ self.down.to(device).float().flatten(1)
        return product.mul_((self.alpha if self.alpha is not None else rank) / rank).view(self.shape)


Additions = dict[str, Addition]  # by the names that diffusers gives to layers


def networks_in(tensors: Mapping[str, Tensor]) -> dict[Network, dict[str, Tensor]]:
    """The tensors of a file for each of two networks, as diffusers tells them apart, all named as if they were for the first."""
    found: dict[Network, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("transformer_2."):
            found.setdefault("transformer_2", {})["transformer." + name.removeprefix("transformer_2.")] = value
        else:
            found.setdefault("transformer", {})[name] = value
    return found


def read_additions(
    tensors: Mapping[str, Tensor],
    notes: Mapping[str, str],
    config: TransformerConfig,
    network: Network = "transformer",
    called: str = "the file",
) -> tuple[Additions, Style]:
    """What a file adds to which layers of one network, and in which style it is named.

    Raises ValueError with the names that fit no layer. What fits a layer that this network lacks and its kin have is left out with a
    warning, in which the file is `called` so. Of a file for two networks, tensors are those that `networks_in` gives for this one; the
    notes are those of the file.
    """
    if second := sum(name.startswith("transformer_2.") for name in tensors):
        raise ValueError(f"{second} of {len(tensors)} tensors are for the second of two networks (transformer_2), and this is one network")
    own = layers_of(config)
    style = additions_style_of(tensors, own)
    kin = replace(config, picture_dim=config.picture_dim or 1, places=config.places or 1, rates=config.rates or 1)
    known = stems(layers_of(kin), style)
    found: dict[str, dict[str, Tensor]] = {}
    strange, foreign = [], []
    for name, value in tensors.items():
        stem, kind = parsed(name, style)
        layer = known.get(stem)
        if not kind or layer is None:
            strange.append(name)
        elif layer not in own:
            foreign.append(name)
        elif kind in found.setdefault(layer, {}):
            raise ValueError(f"{name} adds to what another tensor adds to; the file holds several adapters, and one is needed")
        else:
            found[layer][kind] = value
    if strange:
        few = ", ".join(sorted(strange)[:4])
        raise ValueError(f"{len(strange)} of {len(tensors)} tensors add to nothing in this network, such as {few}")
    if foreign:
        lacking = listed({parsed(name, style)[0] for name in foreign})
        said = f"of {called} {len(foreign)} of {len(tensors)} tensors are left out: they add to layers that only kin of this network have"
        warnings.warn(f"{said}, {lacking}", stacklevel=2)
    alphas = noted_alphas(notes, network)
    return {layer: addition_of(layer, kinds, alphas) for layer, kinds in found.items()}, style


def write_additions(additions: Additions, style: Style, low: Additions | None = None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and notes of a file in a style; what was read from one of that style comes back bit for bit, under names that mean the same.

    What is for the second of two networks, `low`, can only be told by the names of diffusers; ValueError in another style.
    """
    if low and style != "diffusers":
        raise ValueError(f"the names of {style} tell no two networks apart; write a file for each")
    kept: dict[str, Tensor] = {}
    noted: dict[str, dict[str, float]] = {}
    for network, found in (("transformer", additions), ("transformer_2", low or {})):
        for layer, one in found.items():
            stem = (f"{network}." if style == "diffusers" else PREFIXES[style][0]) + named(layer, style)
            pieces = {stem + DOWN[style]: one.down, stem + UP[style]: one.up}
            if style == "original" and stem.endswith(TABLE[style]):
                pieces[stem.removesuffix(TABLE[style]) + ".diff_m"] = one.whole
            else:
                pieces[stem + ".diff"] = one.whole
            pieces[stem + (".lora_B.bias" if style == "diffusers" else ".diff_b")] = one.bias
            if style != "diffusers" and one.alpha is not None:
                pieces[stem + ".alpha"] = torch.tensor(one.alpha)
            kept |= {name: value for name, value in pieces.items() if value is not None}
        if alphas := {layer: one.alpha for layer, one in found.items() if one.alpha is not None}:
            noted[f"{network}.alpha_pattern"] = alphas
    return kept, {NOTES: json.dumps(noted)} if noted and style == "diffusers" else {}


@torch.no_grad()
def merge_additions(network: nn.Module, config: TransformerConfig, additions: Additions, strength: float) -> None:
    """Add to a network's weights for good; raises ValueError where something is of another size, before anything is changed.

    No more than one layer's product is in memory at a time, on the device of its weight.
    """
    for ours, pieces in placed(config, additions).items():
        path, _, leaf = ours.rpartition(".")
        tensor = getattr(module := network.get_submodule(path), leaf)
        changed = tensor.clone()
        for one in pieces:
            changed[one.rows] = (one.laid(tensor.device) * strength).add_(changed[one.rows]).to(tensor.dtype)
        setattr(module, leaf, changed if is_parametrized(module, leaf) else nn.Parameter(changed, requires_grad=tensor.requires_grad))


def hold_additions(network: nn.Module, config: TransformerConfig, additions: Additions, strength: float) -> None:
    """Add whenever a weight is used, which leaves it as it is; `torch.nn.utils.parametrize.remove_parametrizations` takes it away again."""
    for ours, pieces in placed(config, additions).items():
        path, _, leaf = ours.rpartition(".")
        device = getattr(module := network.get_submodule(path), leaf).device
        for one in pieces:
            register_parametrization(module, leaf, Held(one, strength).to(device), unsafe=True)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What is added to some rows of a tensor of ours, and how it is laid there: `shape` is theirs, which `take` makes ours."""

    rows: slice
    shape: tuple[int, ...]
    take: Change
    added: Addition  # its bias is of no account here

    def laid(self, device: torch.device) -> Tensor:
        """What is added as our tensor lies, in float32."""
        weight = self.added.weight(device)
        assert weight is not None
        return self.take(weight.reshape(self.shape))


class Held(nn.Module):
    """Rows of a weight with something added to them, of which only the factors are kept."""

    def __init__(self, one: Placed, strength: float) -> None:
        super().__init__()
        self.one, self.strength = replace(one, added=Addition(alpha=one.added.alpha)), strength
        for name in ("down", "up", "whole"):
            self.register_buffer(name, getattr(one.added, name))

    def forward(self, weight: Tensor) -> Tensor:
        one = replace(self.one, added=replace(self.one.added, down=self.down, up=self.up, whole=self.whole))
        changed = weight.clone()
        changed[one.rows] = (weight[one.rows].float() + self.strength * one.laid(weight.device)).to(weight.dtype)
        return changed


def placed(config: TransformerConfig, additions: Additions) -> dict[str, list[Placed]]:
    """What is added to each tensor of ours, without forming a product; ValueError for what has no place or is of another size."""
    places = places_in(config)
    found: dict[str, list[Placed]] = {}
    for layer, one in additions.items():
        biased = None if one.bias is None else Addition(whole=one.bias)
        for kind, added in (("weight", one), ("bias", biased)):
            if added is None or added.shape is None:
                continue
            place = places.get(f"{layer}.{kind}") or (places.get(layer) if kind == "weight" else None)
            if place is None:
                raise ValueError(f"{layer} has no {kind} in this network")
            ours, rows, shape, take = place
            if not fits(added.shape, shape):
                raise ValueError(f"an addition of {added.shape} does not fit {layer}, {shape}; it is for another size")
            found.setdefault(ours, []).append(Placed(rows=rows, shape=shape, take=take, added=added))
    return found


def places_in(config: TransformerConfig) -> dict[str, tuple[str, slice, tuple[int, ...], Change]]:
    """For each tensor by the name that diffusers gives it: which of ours it is, which rows of it, its shape there, what makes it ours."""
    with torch.device("meta"):
        state = Transformer(config).state_dict()
    found = {}
    for part in all_parts(config):
        pieces = state[part.ours].chunk(len(part.theirs))
        for number, (name, piece) in enumerate(zip(part.theirs, pieces, strict=True)):
            rows = slice(number * len(piece), (number + 1) * len(piece))
            found[name] = (part.ours, rows, tuple(part.give(piece).shape), part.take)
    return found


def fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether something of a shape can be laid as another: the same but for axes of one, or each row of it flat."""
    return [side for side in shape if side != 1] == [side for side in wanted if side != 1] or shape == (wanted[0], math.prod(wanted[1:]))


def layers_of(config: TransformerConfig) -> set[str]:
    """The layers that can be added to, by the names that diffusers gives them."""
    return {name.removesuffix(".weight").removesuffix(".bias") for part in all_parts(config) for name in part.theirs}


def named(layer: str, style: Style) -> str:
    """The name of a layer in a style."""
    if style == "diffusers":
        return layer
    name = name_in("original", layer)
    return name if style == "original" else name.replace(".", "_")


def stems(layers: Iterable[str], style: Style) -> dict[str, str]:
    """Layers by all names that they have in files of a style."""
    return {prefix + named(layer, style): layer for layer in layers for prefix in PREFIXES[style]}


def parsed(name: str, style: Style) -> tuple[str, str]:
    """What a tensor's name says that it adds to, and what of an addition it is; the latter is empty where the name does not end so."""
    found = END.search(name)
    if not found:
        return name, ""
    return name[: found.start()] + (TABLE[style] if found[0] == ".diff_m" else ""), found.lastgroup or ""


def additions_style_of(names: Mapping[str, Tensor], layers: Iterable[str]) -> Style:
    """In which style additions are named: that in which most of their names fit; raises ValueError where none does in any."""
    known = {style: stems(layers, style) for style in PREFIXES}
    counts = {style: sum(parsed(name, style)[0] in known[style] for name in names) for style in PREFIXES}
    best: Style = max(PREFIXES, key=lambda style: counts[style])
    if not counts[best]:
        raise ValueError(f"none of {len(names)} tensors adds to a layer of this network, such as {', '.join(sorted(names)[:4])}")
    return best


def noted_alphas(notes: Mapping[str, str], network: Network) -> dict[str, float]:
    """The alphas that a file's notes name, by layer; under "" that of all others."""
    try:
        kept = json.loads(notes.get(NOTES, "{}"))
        found = {name: float(value) for name, value in (kept.get(f"{network}.alpha_pattern") or {}).items()}
        if (common := kept.get(f"{network}.lora_alpha")) is not None:
            found[""] = float(common)
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"the notes of the file are damaged: {error}") from error
    return found


def addition_of(layer: str, kinds: Mapping[str, Tensor], alphas: Mapping[str, float]) -> Addition:
    """The addition to a layer; raises ValueError where it is not whole or not finite."""
    if ("down" in kinds) != ("up" in kinds):
        raise ValueError(f"{layer} has one matrix of two; the file is not whole")
    if (told := kinds.get("alpha")) is not None and told.numel() != 1:
        raise ValueError(f"{layer} has an alpha of {tuple(told.shape)}, which is no number")
    alpha = float(told) if told is not None else alphas.get(layer, alphas.get(""))
    down, up = kinds.get("down"), kinds.get("up")
    if down is not None and up is not None:
        matrices = down.ndim >= 2 and up.ndim >= 2 and math.prod(up.shape[2:]) == 1
        if not matrices or not down.shape[0] == up.shape[1] > 0:
            raise ValueError(f"{layer} has matrices of {tuple(down.shape)} and {tuple(up.shape)}, which make no product")
    if alpha is not None and not math.isfinite(alpha):
        raise ValueError(f"{layer} has an alpha of {alpha}")
    return Addition(down=down, up=up, alpha=alpha, whole=kinds.get("whole"), bias=kinds.get("bias"))
