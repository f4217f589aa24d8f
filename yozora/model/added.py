"""Low-rank additions that a request names: checked before any weights are loaded, and added to a model."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from yozora.model.parts import Model
from yozora.tasks.lora import Lora
from yozora.transformer.additions import Additions, Network, merge_additions, networks_in, placed, read_additions
from yozora.transformer.config import TransformerConfig
from yozora.transformer.experts import Experts
from yozora.transformer.model import Transformer
from yozora.weights import read, read_notes, sha256

EXPERTS: dict[str, Network] = {"high": "transformer", "low": "transformer_2"}


def check_loras(loras: Sequence[Lora], config: TransformerConfig, *, experts: bool) -> None:
    """Raise ValueError unless each file can be added to a transformer of such a configuration; warn of what is left out of one."""
    for lora in loras:
        if lora.expert and not experts:
            raise ValueError(
                f"{lora.file} is for the {lora.expert} one of two experts, and the model has one network; leave out :{lora.expert}"
            )
        opened(lora, config, experts=experts)


def with_loras(model: Model, loras: Sequence[Lora]) -> Model:
    """The model with additions, for good: they go into the weights of `model`, of which there is no second copy.

    What is left out of a file is not said again: `check_loras` says it.
    """
    networks = networks_of(model)
    for lora in loras:
        with warnings.catch_warnings(action="ignore"):
            found = opened(lora, model.transformer.config, experts=len(networks) > 1)
        for name, additions in found.items():
            merge_additions(networks[name], networks[name].config, additions, lora.strength)
    return replace(model, digest=model.digest + suffix(loras)) if loras else model


def networks_of(model: Model) -> dict[str, Transformer]:
    """The transformers of a model: `high` and `low`, or the only one under no name."""
    if isinstance(model.transformer, Experts):
        return {"high": model.transformer.high, "low": model.transformer.low}
    return {"": model.transformer}


def suffix(loras: Sequence[Lora]) -> str:
    """What of additions goes into the hash of a model that has them."""
    return "".join(f"+{sha256(Path(lora.file))[:8]}*{lora.strength:g}{lora.expert}" for lora in loras)


def opened(lora: Lora, config: TransformerConfig, *, experts: bool) -> dict[str, Additions]:
    """What a file adds to each network, by the names of `networks_of`; raises ValueError that names it where it does not fit them."""
    path = Path(lora.file)
    tensors, notes = read(path), read_notes(path)
    try:
        if experts:
            found = for_experts(lora, tensors, notes, config)
        else:
            found = {"": read_additions(tensors, notes, config, called=lora.file)[0]}
        for additions in found.values():
            placed(config, additions)
    except ValueError as error:
        raise ValueError(f"{path} does not fit this model: {error}") from error
    return found


def for_experts(lora: Lora, tensors: Mapping[str, Tensor], notes: Mapping[str, str], config: TransformerConfig) -> dict[str, Additions]:
    """What a file adds to the expert that is asked for, or to both: what it names `transformer_2` to the low one, and the rest to the high.

    A file that does not tell them apart adds the same to each. Raises ValueError where there is nothing for the one that is asked for.
    """
    parts = networks_in(tensors)
    asked = {name: network for name, network in EXPERTS.items() if lora.expert in ("", name)}
    if "transformer_2" not in parts:
        return dict.fromkeys(asked, read_additions(tensors, notes, config, called=lora.file)[0])
    found = {
        name: read_additions(parts[network], notes, config, network, lora.file)[0] for name, network in asked.items() if network in parts
    }
    if not found:
        raise ValueError(f"it holds nothing for the {lora.expert} one of two experts; leave out :{lora.expert}")
    return found
