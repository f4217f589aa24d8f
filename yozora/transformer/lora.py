"""Low-rank additions to the linear layers of a network (LoRA, arXiv:2106.09685), under the names that PEFT gives them."""

from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

DOWN, UP = ".lora_A.weight", ".lora_B.weight"


class Addition(nn.Module):
    """A weight with the product of two thin matrices added to it, which is zero at first."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, layer.in_features, device=layer.weight.device) / layer.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank, device=layer.weight.device))

    def forward(self, weight: Float[Tensor, "out in"]) -> Float[Tensor, "out in"]:
        return weight + self.up @ self.down


def adapt(network: nn.Module, rank: int) -> nn.ModuleDict:
    """Give every linear layer an addition and freeze all else; returns the additions by the names of their layers, dots as slashes.

    Raises ValueError for a rank below 1.
    """
    if rank < 1:
        raise ValueError(f"an addition has a rank of at least 1, not {rank}")
    network.requires_grad_(requires_grad=False)
    added = nn.ModuleDict({name.replace(".", "/"): Addition(layer, rank) for name, layer in _layers(network)})
    for name, addition in added.items():
        register_parametrization(network.get_submodule(name.replace("/", ".")), "weight", addition)
    return added


def tensors_of(added: nn.ModuleDict) -> dict[str, Tensor]:
    """The additions as a file keeps them."""
    kept = {}
    for name, addition in added.items():
        assert isinstance(addition, Addition)
        layer = name.replace("/", ".")
        kept |= {layer + DOWN: addition.down.detach(), layer + UP: addition.up.detach()}
    return kept


@torch.no_grad()
def take_up(added: nn.ModuleDict, tensors: Mapping[str, Tensor]) -> None:
    """Begin from what a file keeps, of the same layers and the same rank."""
    for name, addition in added.items():
        assert isinstance(addition, Addition)
        layer = name.replace("/", ".")
        addition.down.copy_(tensors[layer + DOWN])
        addition.up.copy_(tensors[layer + UP])


def covers(network: nn.Module, rank: int, tensors: Mapping[str, Tensor]) -> bool:
    """Whether a file keeps additions of a rank for every linear layer of a network, as `adapt` makes them."""
    sides = {name: layer.weight.shape for name, layer in _layers(network)}
    wanted = {name + DOWN: (rank, into) for name, (_, into) in sides.items()} | {name + UP: (out, rank) for name, (out, _) in sides.items()}
    return {name: tuple(value.shape) for name, value in tensors.items()} == wanted


def check(network: nn.Module, tensors: Mapping[str, Tensor]) -> list[tuple[nn.Linear, Tensor, Tensor]]:
    """The layers that a file adds to, with what it adds to each; raises ValueError where it does not fit the network."""
    layers = dict(_layers(network))
    named = {name.removesuffix(end) for name in tensors for end in (DOWN, UP) if name.endswith(end)}
    if unknown := sorted(named - layers.keys()):
        raise ValueError(f"the network has no layer {unknown[0]}; these additions were made for another")
    if tensors.keys() != {name + end for name in named for end in (DOWN, UP)}:
        raise ValueError("every layer that is added to needs two matrices, and there may be nothing else")
    found = []
    for name in sorted(named):
        layer, down, up = layers[name], tensors[name + DOWN], tensors[name + UP]
        sides = (*up.shape, *down.shape)
        if len(sides) != 4 or (sides[0], sides[3]) != layer.weight.shape or sides[1] != sides[2]:
            raise ValueError(f"additions of {tuple(up.shape)} and {tuple(down.shape)} do not fit {name}, {tuple(layer.weight.shape)}")
        found.append((layer, down, up))
    return found


@torch.no_grad()
def merge(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Add what a file keeps to the weights; raises ValueError where it does not fit the network."""
    for layer, down, up in check(network, tensors):
        layer.weight.copy_(layer.weight.float() + (up.float() @ down.float()).to(layer.weight.device))


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    return ((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear))
