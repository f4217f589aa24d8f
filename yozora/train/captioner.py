"""Training of the captioner: clips as latents go in, their captions of all three lengths come out, word by word."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from yozora.canvas import Grid
from yozora.captioner.model import LENGTHS, Captioner, Memory
from yozora.captioner.tell import spelled
from yozora.patches import Tokens, pack, patchify
from yozora.text import Tokenizer
from yozora.train.draws import torch_generator
from yozora.train.generator import Batching, Clip, Source
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.train.report import Gallery


@dataclass(kw_only=True)
class CaptionerTask:
    """The loss is the negative log-probability per word, the mean of the three lengths of caption.

    Of `batching` the shapes, tokens, groups and seed count, and `silence`: the share of clips that are not shown, so that the
    decoder also learns what texts say at large. `noise` is the largest deviation of what is added to the latents, in deviations
    of each channel, so that latents which a generator made can be read too. `grids` has the grid of each shape by its name.
    """

    captioner: Captioner
    tokenizer: Tokenizer
    batching: Batching
    noise: float
    source: Source
    how: Optimization
    grids: dict[str, Grid]
    show: Callable[[], Gallery]

    def __post_init__(self) -> None:
        self.networks: dict[str, nn.Module] = {"captioner": self.captioner}
        self.optimization = {"captioner": self.how}
        self.device = self.captioner.unseen.device

    def losses(self, step: int) -> Iterator[Loss]:
        """The one loss of a step."""
        groups = [self.source(step, group, *drawn) for group, drawn in enumerate(self.batching.drawn(step, self.grids))]
        groups.sort(key=lambda group: group[0].latents[0].numel())  # equal ones side by side: attention then runs dense
        clips = [clip for group in groups for clip in group]
        with torch.autocast(self.device.type, torch.bfloat16):
            memory = self.seen(step, clips)
            parts = {length: self.surprise(memory, [clip.words[length] for clip in clips], length) for length in LENGTHS}
        loss = torch.stack(list(parts.values())).mean()
        yield Loss("captioner", loss, {"loss": loss, **parts})

    def seen(self, step: int, clips: Sequence[Clip]) -> Memory:
        """What the decoder reads of the clips of a step: some noised, some not shown."""
        generator = torch_generator(self.device, self.batching.seed, step, "look")
        tokens = pack([patchify(clip.latents.to(self.device).float(), self.captioner.config.patch) for clip in clips])
        lengths = torch.tensor(tokens.lengths, device=self.device)
        amount = self.noise * torch.rand(len(clips), generator=generator, device=self.device).repeat_interleave(lengths)
        hidden = (torch.rand(len(clips), generator=generator, device=self.device) < self.batching.silence).repeat_interleave(lengths)
        features = self.captioner.see(self.noised(tokens, amount, generator))
        shown = torch.where(hidden[:, None], self.captioner.unseen.to(features.dtype), features)
        return self.captioner.remember(shown, tokens.lengths)

    def noised(self, tokens: Tokens, amount: Float[Tensor, " token"], generator: torch.Generator) -> Tokens:
        """Tokens with noise of some deviations of each of their channels."""
        config, channels = self.captioner.config, tokens.values.shape[1]
        spread = torch.tensor(config.spread or (1.0,) * config.channels, device=self.device).repeat(channels // config.channels)
        noise = torch.randn(tokens.values.shape, generator=generator, device=self.device)
        return replace(tokens, values=tokens.values + amount[:, None] * spread * noise)

    def surprise(self, memory: Memory, texts: Sequence[str], length: str) -> Float[Tensor, ""]:
        """The mean negative log-probability of the words of texts of one length."""
        words, following, real = spelled(self.captioner, [self.tokenizer.encode(text) for text in texts], length)
        logits = self.captioner(words, memory)
        return functional.cross_entropy(logits[real > 0], following[real > 0])
