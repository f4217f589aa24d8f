"""The sizes and options of a transformer."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes of a transformer; `channels` are those of a latent cell, `text_dim` is the width of a text state.

    `spread` is the deviation of each latent channel of the data: with it the network is preconditioned (see `Preconditioning`),
    without it the head gives the velocity itself, as in Wan. `near`: a token is embedded together with the 26 around it in time and
    space, so that what continues from cell to cell need not be looked for.

    Of Wan's kin: `given` more channels of a cell tell what is given and where (I2V); states of pictures, `picture_dim` wide, are heard
    beside words, with a table of `places` where there are two of them (FLF2V); of `rates` frame rates the weights are told `rate`
    (SkyReels-V2); a frame sees its own `block` of latent frames and those before it, or all where that is 0.
    """

    channels: int
    dim: int
    heads: int
    layers: int
    feedforward: int
    text_dim: int
    spread: tuple[float, ...] = ()
    patch: tuple[int, int, int] = (1, 2, 2)
    frequency_dim: int = 256
    eps: float = 1e-6
    near: bool = False
    given: int = 0
    picture_dim: int = 0
    places: int = 0
    rates: int = 0
    rate: int = 0
    block: int = 0

    def __post_init__(self) -> None:
        assert len(self.spread) in (0, self.channels)
        if self.dim % self.heads or self.dim // self.heads % 2:
            raise ValueError(f"dim {self.dim} must give each of {self.heads} heads the same even width")

    @property
    def token_channels(self) -> int:
        """Numbers in a token."""
        return self.channels * math.prod(self.patch)

    @property
    def embedded_channels(self) -> int:
        """Numbers that are embedded of a token: its own and what is given."""
        return self.token_channels + self.given * math.prod(self.patch)
