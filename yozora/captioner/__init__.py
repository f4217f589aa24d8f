"""Latents to words: says what a clip shows at three lengths, and how well a sentence fits it."""

from yozora.captioner.files import load_captioner, read_captioner_config, save_captioner
from yozora.captioner.model import LENGTHS, Captioner, CaptionerConfig
from yozora.captioner.tell import alignments, describe, likelihoods

__all__ = [
    "LENGTHS",
    "Captioner",
    "CaptionerConfig",
    "alignments",
    "describe",
    "likelihoods",
    "load_captioner",
    "read_captioner_config",
    "save_captioner",
]
