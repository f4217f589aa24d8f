"""Attention on a packed sequence: every segment attends to itself, or to its own words, and to nothing else."""

from functools import lru_cache
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

CHUNK_BYTES = 4 << 20  # scores that are alive at a time; they should stay in cache
SHORT = 128  # up to so many keys torch's own way costs more to start than it saves


def attention(
    query: Float[Tensor, "token head width"],
    key: Float[Tensor, "word head width"],
    value: Float[Tensor, "word head width"],
    query_lengths: tuple[int, ...],
    key_lengths: tuple[int, ...],
) -> Float[Tensor, "token head width"]:
    """Softmax attention of query segment `i` on key segment `i`; neighbours of equal lengths are computed together."""
    if key is not value and max(key_lengths) <= SHORT and len(set(query_lengths)) == 1 and len(set(key_lengths)) > 1 and not query.is_cuda:
        return filled_up(query, key, value, query_lengths, key_lengths)
    runs = [(pair, len(list(run))) for pair, run in groupby(zip(query_lengths, key_lengths, strict=True))]
    if len(runs) > 1 and query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        tokens, words = offsets(query_lengths, query.device), offsets(key_lengths, query.device)
        return varlen_attn(query, key, value, tokens, words, max(query_lengths), max(key_lengths))
    results, token, word = [], 0, 0
    for (length, words), count in runs:
        q = query[token : token + count * length].unflatten(0, (count, length))
        k = key[word : word + count * words].unflatten(0, (count, words))
        v = value[word : word + count * words].unflatten(0, (count, words))
        results.append(dense_attention(q, k, v).flatten(0, 1))
        token, word = token + count * length, word + count * words
    return results[0] if len(results) == 1 else torch.cat(results)


def dense_attention(
    query: Float[Tensor, "clip token head width"],
    key: Float[Tensor, "clip word head width"],
    value: Float[Tensor, "clip word head width"],
) -> Float[Tensor, "clip token head width"]:
    """Attention of clips of equal lengths, the fastest way for the device."""
    if chunks_are_faster(query, key):
        return chunked_attention(query, key, value)
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)


def chunks_are_faster(query: Tensor, key: Tensor) -> bool:
    if query.device.type != "cpu":
        return False
    if torch.is_grad_enabled() and query.requires_grad:
        return True
    return key.shape[1] <= SHORT or not torch.cpu._is_amx_tile_supported()


def chunked_attention(
    query: Float[Tensor, "clip token head width"],
    key: Float[Tensor, "clip word head width"],
    value: Float[Tensor, "clip word head width"],
    bias: Float[Tensor, "clip word"] | None = None,
) -> Float[Tensor, "clip token head width"]:
    clips, tokens, heads, width = query.shape
    q, k, v = (x.transpose(1, 2).flatten(0, 1) for x in (query, key, value))
    chunk = max(32, CHUNK_BYTES // (clips * heads * k.shape[1] * query.element_size()))
    start = q.new_zeros(()) if bias is None else bias.to(q.dtype).repeat_interleave(heads, 0)[:, None]
    parts = []
    for rows in q.split(chunk, dim=1):
        scores = torch.baddbmm(start, rows, k.transpose(1, 2), beta=0 if bias is None else 1, alpha=width**-0.5)
        parts.append(torch.bmm(scores.softmax(-1), v))
    out = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    return out.unflatten(0, (clips, heads)).transpose(1, 2)


def filled_up(query, key, value, query_lengths, key_lengths):
    index, bias = filling(key_lengths, key.device)
    k, v = (x.index_select(0, index.flatten()).unflatten(0, index.shape) for x in (key, value))
    q = query.unflatten(0, (len(query_lengths), -1))
    return chunked_attention(q, k, v, bias).flatten(0, 1)


@lru_cache(maxsize=256)
def filling(lengths: tuple[int, ...], device: torch.device) -> tuple[Int[Tensor, "clip word"], Float[Tensor, "clip word"]]:
    with torch.inference_mode(False):
        count = torch.tensor(lengths)[:, None]
        place = torch.arange(max(lengths))
        index = torch.where(place < count, place + count.cumsum(0) - count, 0)
        bias = torch.where(place < count, 0.0, -torch.inf)
        return index.to(device), bias.to(device)


@lru_cache(maxsize=256)
def offsets(lengths: tuple[int, ...], device: torch.device) -> Int[Tensor, " edge"]:
    """Where segments begin and end, on the device; kept, so that layers and steps do not wait for the copy."""
    with torch.inference_mode(False):  # the same tensor must serve a backward pass
        return functional.pad(torch.tensor(lengths).cumsum(0), (1, 0)).to(torch.int32).to(device)
