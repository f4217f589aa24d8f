"""Memory that runs out, and room that is made again."""

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, numpy or torch found no memory; torch has a class for it on GPUs alone."""
    torch = sys.modules.get("torch")  # what starts at once does not bring it
    on_gpu = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return isinstance(error, MemoryError) or on_gpu or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))


def make_room(device: "torch.device") -> None:
    """Give back what was taken by tensors that nothing refers to any more."""
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()
