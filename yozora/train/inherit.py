"""What a run takes up of another model: weights of the same sizes, and words at their places."""

import hashlib
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from yozora.captioner import LENGTHS, Captioner
from yozora.layers.neighbours import AROUND
from yozora.model import Model
from yozora.text import Tokenizer


def take_up(model: Model, other: Model) -> None:
    """Copy text encoder and transformer of `other`, each word to its place; words that `other` does not know stay as they are.

    Where tokens are embedded together with those around them and `other` embeds each alone, the new ones count for nothing at first.
    Raises ValueError where they do not fit.
    """
    words, known = model.own_text.tokenizer.rules.get_vocab(), other.own_text.tokenizer.rules.get_vocab()
    if lost := sorted(known.keys() - words.keys()):
        raise ValueError(f"{other.name} knows words that this run does not, such as {lost[0]!r}; choose another --folder")
    wider = model.transformer.config.near and not other.transformer.config.near
    theirs = replace(other.transformer.config, near=model.transformer.config.near), replace(other.own_text.config, vocabulary=len(words))
    if (model.transformer.config, model.own_text.config) != theirs or other.transformer.config.near > model.transformer.config.near:
        raise ValueError(f"{other.name} has networks of other sizes than the recipe: {theirs}")
    state = other.transformer.state_dict()
    if wider:
        state["embed_tokens.weight"] = around_itself(state["embed_tokens.weight"])
    model.transformer.load_state_dict(state)
    table = moved(other.own_text.words.weight, model.own_text.words.weight, known, words)
    model.own_text.load_state_dict({**other.own_text.state_dict(), "words.weight": table})


def retaught(captioner: Captioner, theirs: Tokenizer, ours: Tokenizer) -> Captioner:
    """A captioner with the words of another tokenizer: those it knows keep their state, the others begin at random, always alike."""
    with torch.random.fork_rng(devices=[]):  # a run that goes on must find the captioner that it began from
        torch.manual_seed(0)
        wider = Captioner(replace(captioner.config, vocabulary=ours.size)).to(captioner.words.weight.device)
    known, words = theirs.rules.get_vocab(), ours.rules.get_vocab()
    for length in LENGTHS:  # what asks for a length lies behind the words; no word has a space
        known[f"asks for {length}"], words[f"asks for {length}"] = captioner.opening(length), wider.opening(length)
    table = moved(captioner.words.weight, wider.words.weight, known, words)
    wider.load_state_dict({**captioner.state_dict(), "words.weight": table})
    return wider


def moved(theirs: Tensor, ours: Tensor, known: dict[str, int], words: dict[str, int]) -> Float[Tensor, "word dim"]:
    """The table `ours` with the rows of what is known in `theirs`, each word at its place."""
    table = ours.detach().clone()
    both = sorted(known.keys() & words.keys())
    table[[words[word] for word in both]] = theirs.detach()[[known[word] for word in both]]
    return table


def around_itself(weight: Float[Tensor, "dim channel"]) -> Float[Tensor, "dim wide"]:
    """The weights by which a token is embedded with those around it, as if it were alone."""
    wide = weight.new_zeros(len(weight), len(AROUND), weight.shape[1])
    wide[:, AROUND.index((0, 0, 0))] = weight
    return wide.flatten(1)


def fingerprint(network: nn.Module) -> str:
    """Eight digits that tell the weights of a network."""
    found = hashlib.sha256()
    for value in network.state_dict().values():
        found.update(value.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return found.hexdigest()[:8]
