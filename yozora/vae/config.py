"""The arrangements of the video compression network, and what each costs per pixel."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """One arrangement of the video compression network, from Wan 2.1 and 2.2 to the bundled one.

    `encoder_widths` and `decoder_widths` name the channels of each level from pixels inwards; between two levels height
    and width halve, and time too where `time_down` says so. `fold` packs squares of that many pixels into channels first.
    `taps` is the reach in time of the two convolutions of a residual block. `shortcut` carries a level past its blocks:
    `none` (Wan 2.1), `regroup` (Wan 2.2: time and space fold into channels, an absent frame counts as zeros) or `pool`
    (time is averaged and repeated, space folds into channels: a still video is treated as an image). `straight` adds a linear
    map from the pixels of a cell to its latents and back, which can begin as their principal components; the decoder's last
    level sees its pixels, and without `encoder_widths` it alone encodes. `resample_norm`
    normalises what is halved or doubled: without it features grow level by level in training until nothing is learned.
    `mean` and `std` are taken out of the latents; `spread` is the deviation that then is left in each channel of the data.
    """

    encoder_widths: tuple[int, ...]
    decoder_widths: tuple[int, ...]
    blocks: int
    time_down: tuple[bool, ...]
    channels: int
    fold: int = 1
    taps: tuple[int, int] = (3, 3)
    shortcut: Literal["none", "regroup", "pool"] = "none"
    attention: bool = False
    straight: bool = False
    resample_norm: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        levels = len(self.decoder_widths)
        assert len(self.encoder_widths) in ((0, levels) if self.straight else (levels,)) and len(self.time_down) == levels - 1
        assert len(self.mean) in (0, self.channels) and len(self.std) == len(self.mean) and len(self.spread) in (0, self.channels)

    @property
    def cell(self) -> tuple[int, int, int]:
        """Pixels `(time, height, width)` that one latent cell stands for."""
        space = self.fold * 2 ** (len(self.decoder_widths) - 1)
        return 2 ** sum(self.time_down), space, space


def bundled_vae_config() -> VAEConfig:
    """4x16x16 with 96 channels, a linear encoder, no spatial attention: the arrangement that this repository trains itself."""
    return VAEConfig(
        encoder_widths=(),
        decoder_widths=(96, 96, 128),
        blocks=1,
        time_down=(True, True),
        channels=96,
        fold=4,
        taps=(1, 3),
        shortcut="pool",
        straight=True,
        resample_norm=True,
    )


def wan21_vae_config() -> VAEConfig:
    """Wan 2.1: 4x8x8 with 16 channels."""
    return VAEConfig(
        encoder_widths=(96, 192, 384, 384),
        decoder_widths=(96, 192, 384, 384),
        blocks=2,
        time_down=(False, True, True),
        channels=16,
        attention=True,
    )


def wan22_vae_config() -> VAEConfig:
    """Wan 2.2: 4x16x16 with 48 channels, pixels folded 2x2 first, a wider decoder."""
    return VAEConfig(
        encoder_widths=(160, 320, 640, 640),
        decoder_widths=(256, 512, 1024, 1024),
        blocks=2,
        time_down=(False, True, True),
        channels=48,
        fold=2,
        shortcut="regroup",
        attention=True,
    )
