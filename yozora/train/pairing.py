"""Which noise goes to which clip, so that paths cross less (minibatch optimal transport, arXiv:2302.00482)."""

from itertools import permutations
from math import fsum

from jaxtyping import Float
from torch import Tensor

EXACT = 6  # clips, up to which all orders are tried


def paired(noise: Float[Tensor, "clip number"], clips: Float[Tensor, "clip number"]) -> Float[Tensor, "clip number"]:
    """The rows of the noise in the order whose summed squared distance from the clips, row by row, is least.

    Of more than EXACT clips, each in turn takes the nearest noise that is left and pairs then change partners while that helps.
    """
    gain = (clips @ noise.T).tolist()  # squares are the same in every order: the least distance is the largest product
    count = len(gain)
    if count <= EXACT:
        order = max(permutations(range(count)), key=lambda order: fsum(gain[row][column] for row, column in enumerate(order)))
        return noise[list(order)]
    order, left = [], set(range(count))
    for row in gain:
        order.append(max(left, key=row.__getitem__))
        left.remove(order[-1])
    changed = True
    while changed:
        changed = False
        for one in range(count):
            for other in range(one):
                a, b = order[one], order[other]
                if gain[one][b] + gain[other][a] > gain[one][a] + gain[other][b] + 1e-9:
                    order[one], order[other], changed = b, a, True
    return noise[order]
