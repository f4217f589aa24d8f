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


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Sides of a tile and how much neighbours share, in latent cells.

    The outer third of what is shared is thrown away and the middle third blended, so tiles equal the whole frame where a
    third of `overlap` is as wide as the network looks to one side; networks with spatial attention never do.
    """

    side: int = 40
    overlap: int = 12

    def __post_init__(self) -> None:
        if not 0 < self.overlap < self.side:
            raise ValueError(f"an overlap of {self.overlap} cells must lie between 0 and the tile's side of {self.side}")


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
        mean=WAN21_MEAN,
        std=WAN21_STD,
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
        mean=WAN22_MEAN,
        std=WAN22_STD,
    )


# Of each latent channel of the data that Wan's autoencoders were trained on; their files do not say it.
WAN21_MEAN = (
    *(-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508),
    *(0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921),
)
WAN21_STD = (
    *(2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743),
    *(3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160),
)
WAN22_MEAN = (
    *(-0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542, 0.2813, 0.0891),
    *(0.1570, -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502),
    *(-0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.1230, -0.0313, -0.1649, 0.0117, 0.0723),
    *(-0.2839, -0.2083, -0.0520, 0.3748, 0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667),
)
WAN22_STD = (
    *(0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901),
    *(0.6885, 0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659),
    *(0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944),
    *(0.5726, 1.2042, 0.5458, 1.6887, 0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744),
)
