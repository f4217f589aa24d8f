"""Blocks of the video compression network: causal in time, with the past passed in and returned.

Every block maps `(x, past)` to `(y, past)`. `past` is None for the first frame of a clip, which is a chunk of its own, and
afterwards a tensor or a nested tuple that holds the last frames each causal convolution saw.
"""

from collections.abc import Iterable
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

Past = Tensor | tuple | None
Features = Float[Tensor, "batch channel time height width"]
Outputs = Float[Tensor, "batch made cells rows columns"]


class CausalConv(nn.Conv3d):
    """3-D convolution that sees the present and the past, in chunks that equal the whole."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int, int] = (3, 3, 3)) -> None:
        super().__init__(inputs, outputs, kernel, padding=(0, kernel[1] // 2, kernel[2] // 2))

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Convolve a chunk; `past` holds up to `kernel - 1` frames before it, or None before the first frame."""
        reach = self.kernel_size[0] - 1
        if past is None or reach == 0:
            assert reach == 0 or x.shape[2] == 1, "the first frame is a chunk of its own"
            return self._still(x), last_frames(x, 1) if reach else ()
        assert isinstance(past, Tensor)
        missing = reach - past.shape[2]  # frames before the first count as zeros
        joined = torch.cat([*[torch.zeros_like(past)] * missing, past, x], dim=2)
        return super().forward(joined), last_frames(joined, reach)

    def _still(self, x: Features) -> Outputs:
        # With an empty past only the last tap meets content: the same result from a third of the work.
        flat = F.conv2d(flatten_time(x), self.weight[:, :, -1], self.bias, padding=self.padding[1:])
        return unflatten_time(flat, x.shape[2])


class NormSiLU(nn.Module):
    """Divides each place's channels by their root mean square, scales them and applies SiLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Features) -> Features:
        """Normalise over channels and activate."""
        if torch.compiler.is_compiling():
            return F.silu(rms_normalise(x, self.weight))
        return _NormSiLU.apply(x, self.weight.to(x.dtype))


class ResidualBlock(nn.Module):
    """Two rounds of norm, SiLU and causal convolution, added to their input."""

    def __init__(self, inputs: int, outputs: int, taps: tuple[int, int]) -> None:
        super().__init__()
        self.norm1, self.norm2 = NormSiLU(inputs), NormSiLU(outputs)
        self.conv1 = CausalConv(inputs, outputs, (taps[0], 3, 3))
        self.conv2 = CausalConv(outputs, outputs, (taps[1], 3, 3))
        self.shortcut = CausalConv(inputs, outputs, (1, 1, 1)) if inputs != outputs else None

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Refine features."""
        past1, past2 = past or (None, None)
        carried = x if self.shortcut is None else self.shortcut(x)[0]
        x, past1 = self.conv1(self.norm1(x), past1)
        x, past2 = self.conv2(self.norm2(x), past2)
        return carried + x, (past1, past2)


class Attention(nn.Module):
    """Single-head attention among the places of each frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_weight = nn.Parameter(torch.ones(channels))
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.leave = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Attend within frames; nothing is carried in time."""
        flat = flatten_time(x)
        query, key, value = rearrange(self.to_qkv(rms_normalise(flat, self.norm_weight)), "n (three c) h w -> three n 1 (h w) c", three=3)
        mixed = F.scaled_dot_product_attention(query, key, value)
        mixed = rearrange(mixed, "n 1 (h w) c -> n c h w", h=x.shape[3])
        return x + unflatten_time(self.leave(mixed), x.shape[2]), ()


class Downsample(nn.Module):
    """Halves height and width, and time where asked; the first frame stays one frame.

    With `norm` its input is normalised: convolutions one after another on what no norm bounds can grow without end in training.
    """

    def __init__(self, channels: int, *, time: bool, norm: bool) -> None:
        super().__init__()
        self.norm = NormSiLU(channels) if norm else None
        self.space = nn.Conv2d(channels, channels, 3, stride=2)
        self.time = nn.Conv3d(channels, channels, (3, 1, 1), stride=(2, 1, 1)) if time else None

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Halve a chunk; the frame before it is all that time needs."""
        x = self.norm(x) if self.norm is not None else x
        x = unflatten_time(self.space(F.pad(flatten_time(x), (0, 1, 0, 1))), x.shape[2])
        if self.time is None:
            return x, ()
        return (self.time(torch.cat([past, x], dim=2)) if isinstance(past, Tensor) else x), last_frames(x, 1)


class Upsample(nn.Module):
    """Doubles height and width, and time where asked; the first frame stays one frame. `norm` as in `Downsample`."""

    def __init__(self, inputs: int, outputs: int, *, time: bool, norm: bool) -> None:
        super().__init__()
        self.norm = NormSiLU(inputs) if norm else None
        self.time = CausalConv(inputs, 2 * inputs, (3, 1, 1)) if time else None
        self.space = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Features, past: Past = None) -> tuple[Outputs, Past]:
        """Double a chunk."""
        x = self.norm(x) if self.norm is not None else x
        if self.time is not None and past is None:
            past = torch.zeros_like(x)  # the frames that time doubles do not see the first one
        elif self.time is not None:
            x, past = self.time(x, past)
            x = interleave_time(x)
        else:
            past = ()
        flat = F.interpolate(flatten_time(x), scale_factor=2.0, mode="nearest-exact")
        return unflatten_time(self.space(flat), x.shape[2]), past


def average_down(x: Features, outputs: int, factor: tuple[int, int]) -> Outputs:
    """Fold `factor` (time, space) into channels and average neighbouring channels down to `outputs`."""
    missing = -x.shape[2] % factor[0]
    x = F.pad(x, (0, 0, 0, 0, missing, 0)) if missing else x
    assert x.shape[1] * factor[0] * factor[1] ** 2 % outputs == 0, "widths do not divide"
    group = x.shape[1] * factor[0] * factor[1] ** 2 // outputs
    x = rearrange(x, "b c (t k) (h i) (w j) -> b t h w (c k i j)", k=factor[0], i=factor[1], j=factor[1])
    x = x if group == 1 else rearrange(x, "b t h w (c g) -> b t h w c g", g=group).mean(-1)
    return x.movedim(-1, 1)


def duplicate_up(x: Features, outputs: int, factor: tuple[int, int]) -> Outputs:
    """Repeat neighbouring channels and unfold them into `factor` (time, space): the mirror of `average_down`."""
    assert outputs * factor[0] * factor[1] ** 2 % x.shape[1] == 0, "widths do not divide"
    copies = outputs * factor[0] * factor[1] ** 2 // x.shape[1]
    x = repeat(x.movedim(1, -1), "b t h w c -> b t h w (c g)", g=copies)
    x = rearrange(x, "b t h w (c k i j) -> b (t k) (h i) (w j) c", k=factor[0], i=factor[1], j=factor[1])
    return x.movedim(-1, 1)


def chain(blocks: Iterable[nn.Module], x: Features, past: Past) -> tuple[Outputs, Past]:
    """Run blocks one after another, each with its own past."""
    blocks, kept = list(blocks), []
    for block, old in zip(blocks, past or [None] * len(blocks), strict=True):
        x, new = block(x, old)
        kept.append(new)
    return x, tuple(kept)


def flatten_time(x: Features) -> Float[Tensor, "frames channel height width"]:
    """Frames as a batch of images."""
    return rearrange(x, "b c t h w -> (b t) c h w")


def unflatten_time(x: Float[Tensor, "frames channel height width"], time: int) -> Features:
    """The inverse of `flatten_time`."""
    return rearrange(x, "(b t) c h w -> b c t h w", t=time)


def interleave_time(x: Features) -> Outputs:
    """Twice the channels become twice the frames."""
    return rearrange(x, "b (k c) t h w -> b c (t k) h w", k=2)


def last_frames(x: Features, count: int) -> Outputs:
    """The last frames, copied outside training so that a cache does not keep a whole chunk alive."""
    tail = x[:, :, -count:]
    return tail if tail.requires_grad else tail.clone(memory_format=torch.preserve_format)


def rms_normalise(x: Float[Tensor, "batch channel *place"], weight: Float[Tensor, " channel"]) -> Float[Tensor, "batch channel *place"]:
    """Each place's channels divided by their root mean square, then scaled."""
    scale = _inverse_rms(x.float())
    return (x.float() * scale).to(x.dtype) * _per_channel(weight.to(x.dtype), x)


class _NormSiLU(torch.autograd.Function):
    # Autograd would keep five tensors and make four times the passes over memory, which cost more than the convolutions.

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        device = x.device.type
        with torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext():
            scale = _inverse_rms(x)
            ctx.save_for_backward(x, weight, scale)
            return F.silu((x * scale).mul_(_per_channel(weight, x)), inplace=True)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight, scale = ctx.saved_tensors
        weight = _per_channel(weight, x)
        unit = x * scale
        grad = torch.ops.aten.silu_backward(grad, unit * weight)
        along = grad * unit
        grad_weight = along.sum([0, *range(2, x.dim())])
        radial = along.mul_(weight).mean(1, keepdim=True)
        return grad.mul_(weight).addcmul_(unit, radial, value=-1).mul_(scale), grad_weight


def _inverse_rms(x: Tensor) -> Tensor:
    return x.shape[1] ** 0.5 / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(1e-6)


def _per_channel(weight: Tensor, x: Tensor) -> Tensor:
    return weight.reshape(-1, *[1] * (x.dim() - 2))
