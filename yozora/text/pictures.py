"""CLIP, which looks at given pictures for weights that hear them beside words, by way of `transformers`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from yozora.room import make_room
from yozora.text.umt5 import MISSING, check_loaded, moved


@dataclass(frozen=True, kw_only=True)
class PictureEncoder:
    """An image encoder in a folder of its own, with what prepares pictures for it in another; loaded, used and freed again."""

    encoder: Path
    processor: Path
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
            prepare: Any = CLIPImageProcessorPil.from_pretrained(self.processor, local_files_only=True)
            loaded: Any = CLIPVisionModel.from_pretrained(self.encoder, dtype=torch.float32, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(f"{self.encoder} is no CLIP image encoder: {error}") from error
        network = moved(check_loaded(loaded, self.encoder), self.device).eval()
        pixels = prepare(images=list(pictures), return_tensors="pt")["pixel_values"].to(network.device)
        states = network(pixel_values=pixels, output_hidden_states=True).hidden_states[-2].clone().to(self.device)
        del network, loaded
        make_room(self.device)
        return states
