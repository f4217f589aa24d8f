"""UMT5, which reads prompts for Wan's weights, by way of the library `transformers`: loaded, used and freed again."""

import html
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn

from yozora.room import make_room
from yozora.text.umt5_file import read_file
from yozora.weights import listed

LENGTH = 512  # words that Wan hears; what a prompt does not fill are rows of zeros, which it hears too (arXiv:2503.20314)
MISSING = "open weights need more libraries; install them with: pip install 'yozora[weights]'"


@dataclass(kw_only=True)
class UMT5:
    """A text encoder in a folder or a file, and its tokenizer in a folder; what it has read is remembered, its weights are not kept."""

    encoder: Path
    tokenizer: Path
    device: torch.device
    dtype: torch.dtype = torch.bfloat16
    said: dict[str, Float[Tensor, "word dim"]] = field(default_factory=dict)

    def encode(self, texts: Sequence[str]) -> tuple[Float[Tensor, "word dim"], tuple[int, ...]]:
        """States of all words of all texts behind one another, `LENGTH` to each, zeros behind its own; and `LENGTH` for each text."""
        self.read(texts)
        states = [self.said[text] for text in texts]
        filled = [torch.cat([one, one.new_zeros(LENGTH - len(one), one.shape[1])]) for one in states]
        return torch.cat(filled), (LENGTH,) * len(texts)

    def unknown(self, text: str) -> dict[str, str]:
        """Words outside the vocabulary: there are none, since words are read in pieces."""
        return {}

    def unheard(self, text: str) -> Iterator[str]:
        """What of a text will not be heard, a sentence: all beyond its length."""
        pieces = pieces_of(self.tokenizer)(cleaned(text))
        if len(pieces) > LENGTH:
            yield f"the model hears the first {LENGTH} pieces of words, and {len(pieces) - LENGTH} are left out"

    @torch.inference_mode()
    def read(self, texts: Sequence[str]) -> None:
        """Read what has not been read yet, so that the weights are in memory no longer than that takes."""
        new = [text for text in dict.fromkeys(texts) if text not in self.said]
        if not new:
            return
        pieces_in, network = pieces_of(self.tokenizer), self._network()
        for text in new:  # one by one: a batch filled up to the longest gives other last bits
            found = pieces_in(cleaned(text))
            found = found if len(found) <= LENGTH else [*found[: LENGTH - 1], found[-1]]  # the last ends every text
            pieces = torch.tensor([found], device=network.device)
            states = network(input_ids=pieces, attention_mask=torch.ones_like(pieces)).last_hidden_state[0]
            self.said[text] = states.clone().to(self.device)
        del network
        make_room(self.device)

    def _network(self) -> Any:
        try:
            from transformers import UMT5EncoderModel
        except ImportError as error:
            raise ValueError(MISSING) from error
        if self.encoder.is_file():
            return moved(read_file(self.encoder, self.dtype), self.device).eval()
        options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
        try:
            with quietly():
                loaded: Any = UMT5EncoderModel.from_pretrained(self.encoder, dtype=self.dtype, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(f"{self.encoder} is no UMT5 encoder: {error}") from error
        return moved(check_loaded(loaded, self.encoder), self.device).eval()


def pieces_of(folder: Path) -> Callable[[str], list[int]]:
    """What makes numbers of a text by the rules in a folder, as they are written: `transformers` would make some of them anew."""
    rules = folder / "tokenizer.json"
    if not rules.is_file():
        raise ValueError(f"{folder} has no tokenizer.json; it lies in the folder google/umt5-xxl of Wan's repositories, or in tokenizer")
    try:
        tokenizer = Tokenizer.from_file(str(rules))
    except Exception as error:  # the library has no class of its own for it
        raise ValueError(f"{rules} is no tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda text: tokenizer.encode(text).ids


@contextmanager
def quietly() -> Iterator[None]:
    """Without the bars and tables that `transformers` draws between those of the command; what is wrong is said as an error."""
    from transformers.utils import logging as theirs

    level, bars = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    theirs.set_verbosity(logging.CRITICAL)
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if bars:
            theirs.enable_progress_bar()


def check_loaded(loaded: Any, folder: Path, surplus: str = "") -> Any:
    """The network that `from_pretrained` gave with what it found; raises ValueError with all keys that did not fit.

    Keys that begin with `surplus` may be there for nothing.
    """
    network, found = loaded
    faults = {name: [str(key) for key in found.get(name, ())] for name in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    faults["unexpected_keys"] = [key for key in faults["unexpected_keys"] if not (surplus and key.startswith(surplus))]
    if any(faults.values()):
        said = "; ".join(f"{name.replace('_', ' ')}: {listed(keys)}" for name, keys in faults.items() if keys)
        raise ValueError(f"{folder} does not fit its own configuration; {said}")
    return network


def moved(network: nn.Module, device: torch.device) -> nn.Module:
    """A network on a device, or in main memory where the device has no room for it."""
    try:
        return network.to(device)
    except torch.OutOfMemoryError:
        network.to("cpu")
        make_room(device)
        return network


def cleaned(text: str) -> str:
    """A prompt as Wan's training saw it: broken encodings mended, HTML entities resolved, one space between words."""
    try:
        import ftfy
    except ImportError as error:
        raise ValueError(MISSING) from error
    return re.sub(r"\s+", " ", html.unescape(html.unescape(ftfy.fix_text(text)))).strip()
