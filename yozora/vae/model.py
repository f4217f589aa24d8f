"""The video compression network: pixels to latents and back, causal in time."""

import math
from collections.abc import Iterator

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from yozora.vae.blocks import (
    Attention,
    CausalConv,
    Downsample,
    Features,
    NormSiLU,
    Outputs,
    Past,
    ResidualBlock,
    Upsample,
    average_down,
    chain,
    duplicate_up,
)
from yozora.vae.config import Tiling, VAEConfig

Pixels = Float[Tensor, "batch 3 time height width"]
Latents = Float[Tensor, "batch channel cells rows columns"]

FIRST_LOG_VARIANCE = -6.0  # with which training begins


class VideoVAE(nn.Module):
    """Compresses video in space and time; an image is a video of one frame.

    Pixels lie in [-1, 1]. Cell 0 of the latents stands for the first frame alone, every other for `config.cell[0]` frames.
    The past is passed in and returned, so any split into chunks after the first frame gives the same result.
    """

    tiling: Tiling | None = None  # into which frames are cut whatever their size, where memory is short

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config) if config.encoder_widths else None
        self.decoder = Decoder(config)
        self.to_moments = CausalConv(2 * config.channels, 2 * config.channels, (1, 1, 1)) if config.encoder_widths else None
        self.from_latents = CausalConv(config.channels, config.channels, (1, 1, 1))
        self.straight = Straight(config) if config.straight else None
        self.register_load_state_dict_post_hook(channels_last)
        channels_last(self)

    def encode(self, video: Pixels, *, cells: int | None = None) -> Latents:
        """Normalised mean latents; `cells` bounds how many cells are computed at once (all of them by default)."""
        return self.normalise(self.moments(video, cells=cells)[0])

    def decode(self, latents: Latents, *, cells: int | None = None) -> Pixels:
        """Pixels of normalised latents, not clamped."""
        return torch.cat(list(self.decode_stream(latents, cells=cells)), dim=2)

    def moments(self, video: Pixels, *, cells: int | None = None) -> tuple[Latents, Latents]:
        """Mean and log-variance of the latents, before normalisation; what training needs."""
        self.check(video)
        cache, parts = None, []
        for chunk in split_time(video, self.config.cell[0] * (cells or video.shape[2])):
            part, cache = self.encode_chunk(chunk, cache)
            parts.append(part)
        mean, log_variance = torch.cat(parts, dim=2).chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def decode_stream(self, latents: Latents, *, cells: int | None = 1) -> Iterator[Pixels]:
        """Decode `cells` cells at a time, in memory that does not grow with the length of the clip."""
        cache = None
        for chunk in split_time(latents, cells or latents.shape[2]):
            frames, cache = self.decode_chunk(chunk, cache)
            yield frames

    def encode_chunk(self, frames: Pixels, cache: Past = None) -> tuple[Outputs, Past]:
        """Moments (mean and log-variance along channels) of the first frame, or of whole cells after it."""
        if self.encoder is None or self.to_moments is None:
            assert self.straight is not None
            mean = self.straight.latents(frames)
            return torch.cat([mean, torch.full_like(mean, FIRST_LOG_VARIANCE)], dim=1), ()
        features, kept = self.encoder(fold(frames, self.config.fold), cache)
        moments = self.to_moments(features)[0]
        if self.straight is None:
            return moments, kept
        mean, log_variance = moments.chunk(2, dim=1)
        return torch.cat([mean + self.straight.latents(frames), log_variance], dim=1), kept

    def decode_chunk(self, latents: Latents, cache: Past = None) -> tuple[Pixels, Past]:
        """Frames of the first cell, or of any number of cells after it."""
        mean, std = self._statistics(latents)
        latents = latents * std + mean
        sketch = self.straight.pixels(latents, first=cache is None) if self.straight else None
        seen = None if sketch is None else fold(sketch, self.config.fold)
        features, kept = self.decoder(self.from_latents(latents)[0], cache, seen)
        pixels = unfold(features, self.config.fold)
        return (pixels if sketch is None else pixels + sketch), kept

    def normalise(self, mean: Latents) -> Latents:
        """Latents with the mean and deviation of the training data taken out."""
        centre, spread = self._statistics(mean)
        return (mean - centre) / spread

    def _statistics(self, like: Latents) -> tuple[Tensor, Tensor]:
        mean, std = self.config.mean or (0.0,) * self.config.channels, self.config.std or (1.0,) * self.config.channels
        return like.new_tensor(mean)[:, None, None, None], like.new_tensor(std)[:, None, None, None]

    def check(self, video: Pixels) -> None:
        """Raise ValueError where a clip does not fill whole cells."""
        time, height, width = self.config.cell
        if (video.shape[2] - 1) % time or video.shape[3] % height or video.shape[4] % width:
            raise ValueError(
                f"a clip of {tuple(video.shape[2:])} frames, rows and columns does not fill whole cells: "
                f"pad it to 1 + a multiple of {time} frames and multiples of {height} and {width} pixels"
            )


class Straight(nn.Module):
    """A linear map between the pixels of a cell and its latents, beside the network; a first frame counts as a still cell."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.cell = config.cell
        self.to_latents = nn.Linear(3 * math.prod(config.cell), config.channels)
        self.to_pixels = nn.Linear(config.channels, 3 * math.prod(config.cell))

    def latents(self, frames: Pixels) -> Latents:
        """Linear latents of the first frame of a clip, or of whole cells after it."""
        weight, bias, time = self.to_latents.weight, self.to_latents.bias, self.cell[0]
        if frames.shape[2] == 1:  # a still cell, without repeating its frame
            weight, time = reduce(weight, "latent (c k p) -> latent (c p)", "sum", c=3, k=time), 1
        return nn.functional.linear(self.patches(frames, time), weight, bias).movedim(-1, 1)

    def pixels(self, latents: Latents, *, first: bool) -> Pixels:
        """Linear pixels of latents: one frame of the first cell, which is still, or all frames of later ones."""
        weight, bias, time = self.to_pixels.weight, self.to_pixels.bias, self.cell[0]
        if first:
            weight = reduce(weight, "(c k p) latent -> (c p) latent", "mean", c=3, k=time)
            bias, time = reduce(bias, "(c k p) -> (c p)", "mean", c=3, k=time), 1
        added = nn.functional.linear(latents.movedim(1, -1), weight, bias)
        height, width = self.cell[1:]
        return rearrange(added, "b t h w (c k i j) -> b c (t k) (h i) (w j)", k=time, i=height, j=width)

    def patches(self, frames: Pixels, time: int) -> Float[Tensor, "batch cells rows columns pixel"]:
        """The pixels of each cell in a row, `time` frames to a cell."""
        height, width = self.cell[1:]
        return rearrange(frames, "b c (t k) (h i) (w j) -> b t h w (c k i j)", k=time, i=height, j=width)


class Encoder(nn.Module):
    """Folded pixels to moments."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths, last = config.encoder_widths, len(config.encoder_widths) - 1
        self.enter = CausalConv(3 * config.fold**2, widths[0])
        self.levels = nn.ModuleList(DownLevel(config, i, (widths[max(i - 1, 0)], widths[i]), down=i < last) for i in range(last + 1))
        self.middle = middle(config, widths[-1])
        self.norm = NormSiLU(widths[-1])
        self.leave = CausalConv(widths[-1], 2 * config.channels)

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Encode a chunk."""
        past = past or (None,) * 4
        x, enter = self.enter(x, past[0])
        x, levels = chain(self.levels, x, past[1])
        x, centre = chain(self.middle, x, past[2])
        x, leave = self.leave(self.norm(x), past[3])
        return x, (enter, levels, centre, leave)


class Decoder(nn.Module):
    """Latents to folded pixels."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths, last = config.decoder_widths, len(config.decoder_widths) - 1
        self.enter = CausalConv(config.channels, widths[-1])
        self.middle = middle(config, widths[-1])
        inputs = [widths[-1], *(upsampled_width(config, i + 1) for i in reversed(range(last)))]
        self.levels = nn.ModuleList(
            UpLevel(config, i, (entering, widths[i]), up=i > 0) for i, entering in zip(reversed(range(last + 1)), inputs, strict=True)
        )
        self.look = CausalConv(3 * config.fold**2, inputs[-1], (1, 1, 1)) if config.straight else None
        self.norm = NormSiLU(widths[0])
        self.leave = CausalConv(widths[0], 3 * config.fold**2)

    def forward(self, x: Features, past: Past = None, sketch: Outputs | None = None) -> tuple[Outputs, Past]:
        """Decode a chunk; the last level sees the `sketch` that the straight map made, folded, and corrects it."""
        past = past or (None,) * 5
        x, enter = self.enter(x, past[0])
        x, centre = chain(self.middle, x, past[1])
        x, levels = chain(list(self.levels)[:-1], x, past[2])
        if self.look is not None and sketch is not None:
            x = x + self.look(sketch)[0]
        x, last = self.levels[-1](x, past[3])
        x, leave = self.leave(self.norm(x), past[4])
        return x, (enter, centre, levels, last, leave)


class DownLevel(nn.Module):
    """Residual blocks at one resolution, then half of it."""

    def __init__(self, config: VAEConfig, level: int, widths: tuple[int, int], *, down: bool) -> None:
        super().__init__()
        inputs, outputs = widths
        self.shortcut, self.outputs = config.shortcut, outputs
        self.time = down and config.time_down[level]
        self.factor = (1 + self.time, 1 + down)
        self.blocks = nn.ModuleList(ResidualBlock(inputs if i == 0 else outputs, outputs, config.taps) for i in range(config.blocks))
        self.resample = Downsample(outputs, time=self.time, norm=config.resample_norm) if down else None

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Refine, then halve."""
        steps = [*self.blocks, *([self.resample] if self.resample else [])]
        y, kept = chain(steps, x, past)
        if self.shortcut == "regroup":
            y = y + average_down(x, self.outputs, self.factor)
        elif self.shortcut == "pool":
            pairs = self.time and past is not None  # the first frame has no partner
            still = rearrange(x, "b c (t k) h w -> b c t h w k", k=2).mean(-1) if pairs else x
            y = y + average_down(still, self.outputs, (1, self.factor[1]))
        return y, kept


class UpLevel(nn.Module):
    """Residual blocks at one resolution, then twice of it."""

    def __init__(self, config: VAEConfig, level: int, widths: tuple[int, int], *, up: bool) -> None:
        super().__init__()
        inputs, outputs = widths
        self.shortcut, self.outputs = config.shortcut if up else "none", outputs
        self.time = up and config.time_down[level - 1]
        self.blocks = nn.ModuleList(ResidualBlock(inputs if i == 0 else outputs, outputs, config.taps) for i in range(config.blocks + 1))
        width = upsampled_width(config, level)
        self.resample = Upsample(outputs, width, time=self.time, norm=config.resample_norm) if up else None

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Refine, then double."""
        steps = [*self.blocks, *([self.resample] if self.resample else [])]
        y, kept = chain(steps, x, past)
        if self.shortcut == "regroup":
            carried = duplicate_up(x, self.outputs, (1 + self.time, 2))
            y = y + (carried[:, :, -1:] if past is None else carried)
        elif self.shortcut == "pool":
            pairs = self.time and past is not None
            y = y + duplicate_up(x.repeat_interleave(2, dim=2) if pairs else x, self.outputs, (1, 2))
        return y, kept


def middle(config: VAEConfig, width: int) -> nn.ModuleList:
    """Blocks at the lowest resolution, with attention among them where the arrangement has it."""
    attention = [Attention(width)] if config.attention else []
    return nn.ModuleList([ResidualBlock(width, width, config.taps), *attention, ResidualBlock(width, width, config.taps)])


def upsampled_width(config: VAEConfig, level: int) -> int:
    """Channels that leave decoder level `level` after doubling; without shortcuts they halve (Wan 2.1)."""
    width = config.decoder_widths[level]
    return width // 2 if config.shortcut == "none" else width


def channels_last(module: nn.Module, _keys: object = None) -> None:
    """Lay convolution weights out the way that fast convolutions want them."""
    for conv in module.modules():
        if isinstance(conv, nn.Conv2d | nn.Conv3d):
            layout = torch.channels_last if isinstance(conv, nn.Conv2d) else torch.channels_last_3d
            conv.weight.data = conv.weight.data.contiguous(memory_format=layout)


def fold(video: Pixels, size: int) -> Outputs:
    """Squares of pixels into channels, laid out channels-last."""
    return rearrange(video, "b c t (h i) (w j) -> b t h w (c j i)", i=size, j=size).movedim(-1, 1)


def unfold(features: Outputs, size: int) -> Pixels:
    """The inverse of `fold`."""
    return rearrange(features, "b (c j i) t h w -> b c t (h i) (w j)", i=size, j=size)


def split_time(x: Features, count: int) -> list[Float[Tensor, "batch channel _ height width"]]:
    """The first frame (or cell) alone, then chunks of `count`."""
    return [x[:, :, :1], *(x[:, :, 1:].split(count, dim=2) if x.shape[2] > 1 else ())]
