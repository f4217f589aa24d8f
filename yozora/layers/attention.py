"""Attention on a packed sequence: every segment attends to itself, or to its own words, and to nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

Way = Callable[[Tensor, Tensor, Tensor], Tensor]  # query, key, value [clip token head width] -> the query's shape

CHUNK_BYTES = 4 << 20  # scores that are alive at a time, so that they stay in cache
SHORT = 128  # up to so many keys unequal segments are laid on one grid
MIDDLING = 1024  # up to so many keys the derivative of torch's own attention is slower than products


def attention(
    query: Float[Tensor, "token head width"],
    key: Float[Tensor, "word head width"],
    value: Float[Tensor, "word head width"],
    query_lengths: tuple[int, ...],
    key_lengths: tuple[int, ...],
) -> Float[Tensor, "token head width"]:
    """Softmax attention of query segment `i` on key segment `i`.

    Neighbouring segments of equal lengths are computed together; unequal ones by varlen attention on CUDA in 16 bits,
    one run after another elsewhere.
    """
    assert sum(query_lengths) == len(query) and sum(key_lengths) == len(key) and min(key_lengths) > 0
    runs = list(equal_runs(query_lengths, key_lengths, fill=not query.is_cuda))
    if len(runs) > 1 and query.is_cuda and query.element_size() == 2:
        tokens, words = offsets(query_lengths, query.device), offsets(key_lengths, query.device)
        packed = varlen_attn(query, key, value, tokens, words, max(query_lengths), max(key_lengths))
        assert isinstance(packed, Tensor)
        return packed
    results, token, word = [], 0, 0
    for length, words in runs:
        stop, end = token + length * len(words), word + sum(words)
        q = query[token:stop].unflatten(0, (len(words), length))
        if len(set(words)) == 1:
            k, v = (x[word:end].unflatten(0, (len(words), words[0])) for x in (key, value))
            results.append(fastest(q, k)(q, k, v))
        else:
            results.append(filled_attention(q, key[word:end], value[word:end], words))
        token, word = stop, end
    return results[0].flatten(0, 1) if len(results) == 1 else torch.cat([result.flatten(0, 1) for result in results])


def blockwise_attention(
    query: Float[Tensor, "token head width"],
    key: Float[Tensor, "token head width"],
    value: Float[Tensor, "token head width"],
    blocks: tuple[tuple[int, ...], ...],
) -> Float[Tensor, "token head width"]:
    """Softmax attention within segments, each cut into blocks of so many tokens: a block sees itself and those before it."""
    assert sum(map(sum, blocks)) == len(query) == len(key)
    results, begin = [], 0
    for lengths in blocks:
        stop = begin
        for length in lengths:
            first, stop = stop, stop + length
            seen = slice(begin, stop)
            results.append(attention(query[first:stop], key[seen], value[seen], (length,), (stop - begin,)))
        begin = stop
    return torch.cat(results)


def equal_runs(query_lengths: tuple[int, ...], key_lengths: tuple[int, ...], *, fill: bool) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Runs of segments of one query length, each with its key lengths: all equal, or where `fill` allows it all short."""
    for length, run in groupby(zip(query_lengths, key_lengths, strict=True), key=lambda pair: pair[0]):
        words = tuple(count for _, count in run)
        if fill and max(words) <= SHORT:
            yield length, words
        else:
            yield from ((length, tuple(same)) for _, same in groupby(words))


def fastest(query: Float[Tensor, "clip token head width"], key: Float[Tensor, "clip word head width"]) -> Way:
    """The fastest way for these tensors: torch's own, but on a processor often the chunked one.

    Decided by what the processor can do and not by a stopwatch, so that a seed gives the same bits in every run;
    `benchmarks/attention.py` measures whether it is right here. `attention_by` overrides it.
    """
    if chosen:
        return chosen[-1]
    if query.device.type != "cpu":
        return torch_attention
    if query.dtype != torch.bfloat16:
        return torch_attention
    if not has_amx():  # torch then computes bfloat16 as slowly as float32
        return chunked_attention
    learning = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad)
    return chunked_attention if learning and key.shape[1] <= MIDDLING else torch_attention


@torch.compiler.assume_constant_result
def has_amx() -> bool:
    """Whether the processor multiplies tiles of bfloat16."""
    return torch.cpu._is_amx_tile_supported()


chosen: list[Way] = []


@contextmanager
def attention_by(way: Way) -> Iterator[None]:
    """Compute all dense attention this way inside the block."""
    chosen.append(way)
    try:
        yield
    finally:
        chosen.pop()


def torch_attention(
    query: Float[Tensor, "clip token head width"],
    key: Float[Tensor, "clip word head width"],
    value: Float[Tensor, "clip word head width"],
) -> Float[Tensor, "clip token head width"]:
    """Attention by torch's fused kernels."""
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)


def chunked_attention(
    query: Float[Tensor, "clip token head width"],
    key: Float[Tensor, "clip word head width"],
    value: Float[Tensor, "clip word head width"],
    bias: Float[Tensor, "clip word"] | None = None,
) -> Float[Tensor, "clip token head width"]:
    """Attention by matrix products, some queries at a time; `bias` is added to every query's scores."""
    clips, _, heads, width = query.shape
    q, k, v = (x.transpose(1, 2).flatten(0, 1) for x in (query, key, value))
    start = q.new_zeros(()) if bias is None else bias.to(q.dtype).repeat_interleave(heads, 0)[:, None]
    parts = []
    for some in q.split(max(32, CHUNK_BYTES // (len(k) * k.shape[1] * k.element_size())), dim=1):
        scores = torch.baddbmm(start, some, k.transpose(1, 2), beta=int(bias is not None), alpha=width**-0.5)
        parts.append(torch.bmm(scores.softmax(-1), v))
    out = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    return out.unflatten(0, (clips, heads)).transpose(1, 2)


def filled_attention(
    query: Float[Tensor, "clip token head width"],
    key: Float[Tensor, "word head width"],
    value: Float[Tensor, "word head width"],
    lengths: tuple[int, ...],
) -> Float[Tensor, "clip token head width"]:
    """Attention of equal clips on keys of unequal numbers, laid on one grid whose empty places weigh nothing."""
    place, bias = filling(lengths, key.device)
    k, v = (x.index_select(0, place.flatten()).unflatten(0, place.shape) for x in (key, value))
    return chunked_attention(query, k, v, bias)


def causal_attention(
    query: Float[Tensor, "clip token head width"],
    key: Float[Tensor, "clip word head width"],
    value: Float[Tensor, "clip word head width"],
) -> Float[Tensor, "clip token head width"]:
    """Attention of the last of a row of words on themselves and those before, by matrix products, as short rows are fastest learned."""
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    count, words = q.shape[2], k.shape[2]
    later = torch.ones(count, words, dtype=torch.bool, device=q.device).triu(words - count + 1)
    scores = (q * q.shape[-1] ** -0.5 @ k.transpose(2, 3)).masked_fill(later, -torch.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2)


@lru_cache(maxsize=256)
def filling(lengths: tuple[int, ...], device: torch.device) -> tuple[Int[Tensor, "clip word"], Float[Tensor, "clip word"]]:
    """Which key lies at each place of the grid, and what keeps empty places out of the softmax."""
    with torch.inference_mode(False):  # what is kept must also serve a backward pass
        count, place = torch.tensor(lengths)[:, None], torch.arange(max(lengths))
        held = place < count
        key = torch.where(held, place + count.cumsum(0) - count, 0)
        return key.to(device), torch.where(held, 0.0, -torch.inf).to(device)


@lru_cache(maxsize=256)
def offsets(lengths: tuple[int, ...], device: torch.device) -> Int[Tensor, " edge"]:
    """Where segments begin and end, on the device; kept, so that layers and steps do not wait for the copy."""
    with torch.inference_mode(False):
        return functional.pad(torch.tensor(lengths).cumsum(0), (1, 0)).to(torch.int32).to(device)
