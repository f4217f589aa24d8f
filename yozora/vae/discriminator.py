"""The adversary of the video compression network: judges patches of frames and of short motion."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from yozora.vae.blocks import CausalConv, flatten_time, unflatten_time
from yozora.vae.model import fold

Pixels = Float[Tensor, "batch 3 time height width"]
Opinions = Float[Tensor, "batch 1 time rows columns"]
FOLD = 4


class Discriminator(nn.Module):
    """How real each patch looks, frame by frame with a short look back; height and width must be multiples of four."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3 * FOLD**2, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.motion = CausalConv(2 * width, 2 * width)
        self.leave = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, video: Pixels) -> Opinions:
        """Opinions, high for real; unbounded."""
        time = video.shape[2]
        x = F.leaky_relu(self.enter(flatten_time(fold(video, FOLD))), 0.2)
        x = unflatten_time(F.leaky_relu(self.down(x), 0.2), time)
        first, past = self.motion(x[:, :, :1])
        moved = torch.cat([first, self.motion(x[:, :, 1:], past)[0]], dim=2) if time > 1 else first
        return unflatten_time(self.leave(flatten_time(F.leaky_relu(x + moved, 0.2))), time)


def hinge_loss(real: Opinions, made: Opinions) -> Float[Tensor, ""]:
    """What the adversary minimises: opinions above one on real clips and below minus one on made ones."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + made).mean())


def adversarial_weight(
    loss: Float[Tensor, ""], opinion: Float[Tensor, ""], reconstruction: Pixels, most: float = 10.0
) -> Float[Tensor, ""]:
    """Scale that makes the adversary push the pixels as hard as the loss does, at most `most`; no gradient flows through it."""
    pull, push = (torch.autograd.grad(x, reconstruction, retain_graph=True)[0].norm() for x in (loss, opinion))
    return (pull / (push + 1e-8)).clamp(max=most).detach()
