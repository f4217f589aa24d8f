"""A transformer that hears more than tokens, levels and words, as a denoiser."""

from functools import cache

from jaxtyping import Float
from torch import Tensor

from yozora.patches import Denoiser, Tokens, Words
from yozora.transformer.experts import Experts
from yozora.transformer.model import Beside, Transformer


def beside(network: Transformer | Experts, heard: Beside) -> Denoiser:
    """A denoiser of clips of which something is given; a call on several copies of the clips (guidance) hears it for each."""
    copied = cache(heard.repeated)

    def denoise(tokens: Tokens, level: Float[Tensor, " token"], words: Words) -> Float[Tensor, "token channel"]:
        copies, rest = divmod(len(level), len(heard.given))
        assert rest == 0, "something is said of every token of the clips"
        return network(tokens, level, words, beside=heard if copies == 1 else copied(copies))

    return denoise
