"""Low-rank additions that a request names: checked before any weights are loaded, and added to a model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from yozora.model.parts import Model
from yozora.tasks.lora import Lora
from yozora.transformer.additions import Additions, merge_additions, placed, read_additions
from yozora.transformer.config import TransformerConfig
from yozora.transformer.experts import Experts
from yozora.transformer.model import Transformer
from yozora.weights import read, read_notes, sha256


def check_loras(loras: Sequence[Lora], config: TransformerConfig, *, experts: bool) -> None:
    """Raise ValueError unless each file can be added to a transformer of such a configuration."""
    if not loras:
        return
    with torch.device("meta"):
        network = Transformer(config)
    for lora in loras:
        if lora.expert and not experts:
            raise ValueError(
                f"{lora.file} is for the {lora.expert} one of two experts, and the model has one network; leave out :{lora.expert}"
            )
        found = opened(lora, config)
        try:
            list(placed(network, config, found))
        except ValueError as error:
            raise ValueError(f"{lora.file} does not fit this model: {error}") from error


def with_loras(model: Model, loras: Sequence[Lora]) -> Model:
    """The model with additions, for good: they go into the weights of `model`, of which there is no second copy."""
    for lora in loras:
        found = opened(lora, model.transformer.config)
        for network in networks(model, lora.expert):
            merge_additions(network, network.config, found, lora.strength)
    return replace(model, digest=model.digest + suffix(loras)) if loras else model


def networks(model: Model, expert: str) -> list[Transformer]:
    """The transformers that are added to."""
    if not isinstance(model.transformer, Experts):
        return [model.transformer]
    both = {"high": model.transformer.high, "low": model.transformer.low}
    return [network for name, network in both.items() if expert in ("", name)]


def suffix(loras: Sequence[Lora]) -> str:
    """What of additions goes into the hash of a model that has them."""
    return "".join(f"+{sha256(Path(lora.file))[:8]}*{lora.strength:g}{lora.expert}" for lora in loras)


def opened(lora: Lora, config: TransformerConfig) -> Additions:
    """What a file adds; raises ValueError that names it for one that holds something else."""
    path = Path(lora.file)
    tensors, notes = read(path), read_notes(path)
    try:
        return read_additions(tensors, notes, config)[0]
    except ValueError as error:
        raise ValueError(f"{path} does not fit this model: {error}") from error
