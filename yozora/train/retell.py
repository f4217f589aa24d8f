"""Training clips in the words of a captioner, which are kept on disk like the clips themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yozora.captioner import LENGTHS, describe, load_captioner
from yozora.model import CAPTIONER, FILES, captioner_digest
from yozora.text import Tokenizer
from yozora.train.pool import Block, Pool
from yozora.weights import sha256
from yozora.world.parse_held import held_out


@dataclass(frozen=True, kw_only=True)
class Reteller:
    """Writes what the captioner in folder `model` says of the clips in the pool `latents`; runs in a worker process too.

    Every length of caption is then the same text of `length`, empty where it names what is held out, and there is no script.
    """

    model: Path
    latents: Pool
    length: str

    def __call__(self, numbers: Sequence[int]) -> Block:
        """Words alone, as JSON."""
        captioner = load_captioner(self.model / CAPTIONER, sha256(self.model / FILES[0])[:8]).eval()
        tokenizer = Tokenizer.load(self.model / "tokenizer.json")
        tensors, _ = self.latents.block_of(numbers[0], "latents")
        texts = describe(captioner, tokenizer, list(tensors["latents"]), self.length)
        return {}, [dict.fromkeys(LENGTHS, self.allowed(text)) | {"script": []} for text in texts]

    def allowed(self, text: str) -> str:
        """The text, or no words at all where it names what is held out of training: a captioner may err into that."""
        return "" if held_out(text, whole=self.length == "full") else text


def retold(latents: Pool, model: Path, length: str) -> Pool:
    """The pool of the words for the clips of a pool, beside it."""
    folder = latents.folder.parent / f"{length}-by-{captioner_digest(model)}" / latents.folder.name
    maker = Reteller(model=model, latents=latents, length=length)
    return Pool(folder=folder, size=latents.size, block=latents.block, make=maker)
