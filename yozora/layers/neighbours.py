"""Tokens and those around them: what a convolution over time and space sees, on a packed sequence."""

from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor

AROUND = tuple(product((-1, 0, 1), repeat=3))  # steps in time, row and column; the middle one stays where it is


def neighbours(coordinates: Int[Tensor, "token 3"], lengths: tuple[int, ...]) -> Int[Tensor, "token 27"]:
    """The numbers of the tokens around each of its own segment, itself in the middle; the number of tokens where there is none."""
    count, device = len(coordinates), coordinates.device
    segment = torch.repeat_interleave(torch.arange(len(lengths), device=device), torch.tensor(lengths, device=device), output_size=count)
    low = coordinates.min(0).values
    sizes = coordinates.max(0).values - low + 3  # a border of nothing on each side
    time, height, width = sizes.tolist()
    place = ((segment * time + coordinates[:, 0] - low[0] + 1) * height + coordinates[:, 1] - low[1] + 1) * width
    place = place + coordinates[:, 2] - low[2] + 1
    table = torch.full((len(lengths) * time * height * width,), count, device=device)
    table[place] = torch.arange(count, device=device)
    steps = torch.tensor([(step * height + row) * width + column for step, row, column in AROUND], device=device)
    return table[place[:, None] + steps]


def gather(values: Float[Tensor, "token channel"], around: Int[Tensor, "token 27"]) -> Float[Tensor, "token wide"]:
    """The values of each token's neighbours behind one another, zeros for those that are missing."""
    return torch.cat([values, values.new_zeros(1, values.shape[1])])[around].flatten(1)
