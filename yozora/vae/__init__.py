"""The video compression network: pixels to latents and back, causal in time, streaming and tiled."""

from yozora.vae.config import VAEConfig, bundled_vae_config, wan21_vae_config, wan22_vae_config
from yozora.vae.cost import flops_per_pixel
from yozora.vae.files import load_vae, read_config, save_vae
from yozora.vae.initialise import initialise
from yozora.vae.losses import LossScales, foreground_weights, sample, vae_loss
from yozora.vae.model import VideoVAE
from yozora.vae.pixels import to_frames, to_signal

__all__ = [
    "LossScales",
    "VAEConfig",
    "VideoVAE",
    "bundled_vae_config",
    "flops_per_pixel",
    "foreground_weights",
    "initialise",
    "load_vae",
    "read_config",
    "sample",
    "save_vae",
    "to_frames",
    "to_signal",
    "vae_loss",
    "wan21_vae_config",
    "wan22_vae_config",
]
