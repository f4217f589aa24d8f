"""Attention on a packed sequence: every segment attends to itself, or to its own words, and to nothing else."""

from functools import lru_cache
from itertools import groupby

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def attention(
    query: Float[Tensor, "token head width"],
    key: Float[Tensor, "word head width"],
    value: Float[Tensor, "word head width"],
    query_lengths: tuple[int, ...],
    key_lengths: tuple[int, ...],
) -> Float[Tensor, "token head width"]:
    """Softmax attention of query segment `i` on key segment `i`, without padding."""
    runs = [(pair, len(list(run))) for pair, run in groupby(zip(query_lengths, key_lengths, strict=True))]
    if len(runs) > 1 and query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        return varlen(query, key, value, query_lengths, key_lengths)
    results, token, word = [], 0, 0
    for (length, words), count in runs:
        q = query[token : token + count * length].unflatten(0, (count, length))
        k = key[word : word + count * words].unflatten(0, (count, words))
        v = value[word : word + count * words].unflatten(0, (count, words))
        results.append(dense(q, k, v).flatten(0, 1))
        token, word = token + count * length, word + count * words
    return results[0] if len(results) == 1 else torch.cat(results)


def dense(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)


def varlen(query, key, value, query_lengths, key_lengths):
    from torch.nn.attention.varlen import varlen_attn

    q, k = offsets(query_lengths, query.device), offsets(key_lengths, query.device)
    return varlen_attn(query, key, value, q, k, max(query_lengths), max(key_lengths))


@lru_cache(maxsize=64)
def offsets(lengths: tuple[int, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # kept across calls, so it must also serve a backward pass
        return functional.pad(torch.tensor(lengths).cumsum(0), (1, 0)).to(torch.int32).to(device)
