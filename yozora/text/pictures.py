"""CLIP, which looks at given pictures for weights that hear them beside words, by way of `transformers`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from yozora.room import make_room
from yozora.text.umt5 import MISSING, check_loaded, moved, quietly
from yozora.weights import Shelf, check_keys

PROJECTION = "visual_projection."  # what compares pictures with words, which nobody asks here, stands in many files
WHOLE = "vision_model."  # before the names of the rest
MARK = "embeddings.class_embedding"
HEAD = 80  # width of a head of the only one that was published, ViT-H


@dataclass(frozen=True, kw_only=True)
class PictureEncoder:
    """An image encoder in a folder or a file, and what prepares pictures for it in another folder; loaded, used and freed again.

    Without a `processor` pictures are prepared as CLIP's were.
    """

    encoder: Path
    processor: Path | None
    device: torch.device

    @torch.inference_mode()
    def look(self, pictures: UInt8[np.ndarray, "picture height width 3"]) -> Float[Tensor, "picture state dim"]:
        """States of each picture, of the last layer but one; raises ValueError where the folders hold no such encoder."""
        try:
            from transformers import CLIPImageProcessorPil, CLIPVisionModel
        except ImportError as error:
            raise ValueError(MISSING) from error
        options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
        try:
            prepare: Any = CLIPImageProcessorPil()
            if self.processor:
                prepare = CLIPImageProcessorPil.from_pretrained(self.processor, local_files_only=True)
            if self.encoder.is_file():
                loaded: Any = read_clip(self.encoder)
            else:
                with quietly():
                    found: Any = CLIPVisionModel.from_pretrained(self.encoder, dtype=torch.float32, **options)
                loaded = check_loaded(found, self.encoder, surplus=PROJECTION)
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{self.encoder} is no CLIP image encoder: {error}") from error
        network = moved(loaded, self.device).eval()
        pixels = prepare(images=list(pictures), return_tensors="pt")["pixel_values"].to(network.device)
        states = network(pixel_values=pixels, output_hidden_states=True).hidden_states[-2].clone().to(self.device)
        del network, loaded
        make_room(self.device)
        return states


def holds_clip(names: Mapping[str, Any]) -> bool:
    """Whether a file's tensors are those of CLIP's image encoder."""
    return WHOLE + MARK in names or MARK in names


def read_clip(file: Path) -> Any:
    """The image encoder in a file, whose shapes tell its sizes; raises ValueError with the keys that do not fit."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    tensors = {name.removeprefix(WHOLE): value.float() for name, value in Shelf([file]).items() if not name.startswith(PROJECTION)}
    tensors.pop("embeddings.position_ids", None)  # they number the places, as every program does
    try:
        dim, patch = len(tensors[MARK]), tensors["embeddings.patch_embedding.weight"].shape[-1]
        side = round((len(tensors["embeddings.position_embedding.weight"]) - 1) ** 0.5)
        sizes: dict[str, Any] = {
            "hidden_size": dim,
            "num_attention_heads": max(1, dim // HEAD),
            "intermediate_size": len(tensors["encoder.layers.0.mlp.fc1.bias"]),
            "num_hidden_layers": sum(name.endswith("mlp.fc1.bias") for name in tensors),
            "patch_size": patch,
            "image_size": side * patch,
            "hidden_act": "gelu",
        }
    except KeyError as error:
        raise ValueError(f"{file} is no CLIP image encoder: it lacks {error}") from error
    with torch.device("meta"):
        network = CLIPVisionModel(CLIPVisionConfig(**sizes))
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    prefix = WHOLE if any(name.startswith(WHOLE) for name in expected) else ""
    named = {prefix + name: value for name, value in tensors.items()}
    check_keys(named, expected, file)
    network.load_state_dict(named, assign=True)
    for name, buffer in list(network.named_buffers()):  # what is not kept in files was made on the meta device
        if buffer.is_meta:
            path, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(path), leaf, torch.arange(buffer.numel()).expand(buffer.shape))
    return network
