"""What a captioner is asked: what clips show, how likely a sentence is of each, and by how much more than without the clip."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from yozora.captioner.model import END, LENGTHS, Captioner, Memory
from yozora.text import Tokenizer


@torch.inference_mode()
def describe(
    captioner: Captioner, tokenizer: Tokenizer, clips: Sequence[Float[Tensor, "channel _ _ _"]], length: str = "sentence"
) -> list[str]:
    """The likeliest text, word by word, about each of some clips, given as latents; `length` is one of LENGTHS."""
    return write(captioner, tokenizer, watch(captioner, clips), length)


@torch.inference_mode()
def likelihoods(
    captioner: Captioner, tokenizer: Tokenizer, clips: Sequence[Float[Tensor, "channel _ _ _"]], texts: Sequence[str]
) -> Float[Tensor, " clip"]:
    """The mean log-probability per word, in nats, of a text about each clip, its end included; which length it has is left open."""
    return score(captioner, tokenizer, watch(captioner, clips), texts)


@torch.inference_mode()
def alignments(
    captioner: Captioner, tokenizer: Tokenizer, clips: Sequence[Float[Tensor, "channel _ _ _"]], texts: Sequence[str]
) -> Float[Tensor, " clip"]:
    """By how many nats per word each text is likelier with its clip before the eyes than without: 0 where it tells nothing of it."""
    alone = score(captioner, tokenizer, captioner.nothing(len(texts)), texts)
    return likelihoods(captioner, tokenizer, clips, texts) - alone


def watch(captioner: Captioner, clips: Sequence[Float[Tensor, "channel _ _ _"]]) -> Memory:
    """What the decoder reads of clips of any sizes."""
    device = captioner.unseen.device
    return captioner.remember(*captioner.see([clip.to(device).float() for clip in clips]))


def write(captioner: Captioner, tokenizer: Tokenizer, memory: Memory, length: str) -> list[str]:
    """The likeliest text, word by word, for each clip of a memory; raises ValueError for a length that there is none of."""
    if length not in LENGTHS:
        raise ValueError(f"no caption is {length!r}; choose {', '.join(LENGTHS)}")
    word = torch.full((len(memory.lengths), 1), captioner.opening(length), device=captioner.unseen.device)
    ended, past, said = torch.zeros_like(word, dtype=torch.bool), (), []
    while len(said) < captioner.config.longest and not ended.all():
        chances, past = captioner.read_on(word, memory, past)
        word = torch.where(ended, END, chances.argmax(-1))
        said.append(word)
        ended |= word == END
    return [tokenizer.decode(row) for row in torch.cat(said, dim=1).tolist()]


def score(captioner: Captioner, tokenizer: Tokenizer, memory: Memory, texts: Sequence[str]) -> Float[Tensor, " clip"]:
    """The mean log-probability per word of a text for each clip of a memory: each length of text is as likely as the others."""
    found = []
    for length in LENGTHS:
        words, following, real = spelled(captioner, [tokenizer.encode(text) for text in texts], length)
        chances = functional.log_softmax(captioner(words, memory), dim=-1).gather(2, following[..., None])[..., 0]
        found.append((chances * real).sum(1))
    return (torch.stack(found).logsumexp(0) - torch.tensor(len(LENGTHS)).log()) / real.sum(1)


def spelled(
    captioner: Captioner, rows: Sequence[Sequence[int]], length: str
) -> tuple[Int[Tensor, "text word"], Int[Tensor, "text word"], Float[Tensor, "text word"]]:
    """Texts, each with its start word, as what the decoder reads, what it should say next, and 1 where that counts."""
    widest = max(map(len, rows))
    table = torch.full((len(rows), widest + 1), END)
    for row, numbers in zip(table, rows, strict=True):
        row[0] = captioner.opening(length)
        row[1 : len(numbers)] = torch.tensor(numbers[1:])
    real = torch.arange(widest) < torch.tensor([len(numbers) for numbers in rows])[:, None]
    table = table.to(captioner.unseen.device)
    return table[:, :-1], table[:, 1:], real.float().to(table.device)
