"""The five primitives as equations, each in its own axes: where a ray enters, and which way the surface faces there."""

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from yozora.world.scene import SHAPES

MISS = 1e9  # the distance at which a ray that meets nothing is said to end, in metres


def entry(
    shape: str, origin: Float[Tensor, "3 ray"], direction: Float[Tensor, "3 ray"], half: Float[Tensor, "3 ray"]
) -> Float[Tensor, " ray"]:
    """Distance, in lengths of `direction`, at which each ray enters its solid from outside; `MISS` where it does not.

    All are given in the solid's own axes; `half` are its half extents in metres.
    """
    near, far = INTERVALS[shape](origin, direction, half)
    return torch.where((near < far) & (near > 0.0), near, MISS)


def surface(
    shape: str, point: Float[Tensor, "3 ray"], half: Float[Tensor, "3 ray"]
) -> tuple[Float[Tensor, "3 ray"], UInt8[Tensor, " ray"]]:
    """Outward normal (any length) at a point of the surface, and the number of the smooth facet that it lies on."""
    if shape == "cube":
        x, y, z = point.abs() / half
        on_x = (x >= y) & (x >= z)
        on_z = (z > y) & ~on_x
        side = torch.stack((on_x, ~(on_x | on_z), on_z)).to(point.dtype)
        normal = side * point.sign()
        return normal, (2.0 * side[1] + 4.0 * side[2] + (normal[0] + normal[1] + normal[2] > 0.0)).to(torch.uint8)
    if shape == "cylinder":
        beyond_cap = point[2].abs() - half[2]
        beyond_side = (point[0] * point[0] + point[1] * point[1]).sqrt() - half[0]
        cap = (beyond_cap > beyond_side).to(point.dtype)
        normal = torch.stack((point[0] * (1 - cap), point[1] * (1 - cap), point[2].sign() * cap))
        return normal, (cap * (1.5 + 0.5 * point[2].sign())).to(torch.uint8)
    if shape == "capsule":
        normal = torch.stack((point[0], point[1], point[2] - _on_axis(point[2], half)))
    else:
        normal = point / (half * half)
    return normal, torch.zeros_like(point[0], dtype=torch.uint8)


def clearance(point: Float[Tensor, "3 ray"], core: Float[Tensor, "4 ray"]) -> Float[Tensor, " ray"]:
    """Distance in metres from a point to a rounded box: its core's half extents, then the radius around the core."""
    beyond = (point.abs() - core[:3]).clamp_min(0.0)
    return dot(beyond, beyond).sqrt() - core[3]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product over the leading axis of three, in a fixed order so that any batch gives the same bits."""
    product = a * b
    return product[0] + product[1] + product[2]


Interval = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _ellipsoid(origin: Tensor, direction: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    return _unit_sphere(origin / half, direction / half)


def _unit_sphere(origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """By the point of the ray closest to the centre, which keeps its precision far away."""
    length2 = dot(direction, direction)
    middle = -dot(origin, direction) / length2
    closest = origin + direction * middle
    inside = 1.0 - dot(closest, closest)
    reach = (inside.clamp_min(0.0) / length2).sqrt()
    return middle - reach, middle + reach


def _box(origin: Tensor, direction: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    inverse = 1.0 / _nonzero(direction)
    middle, reach = -origin * inverse, half * inverse.abs()
    return (middle - reach).amax(0), (middle + reach).amin(0)


def _cylinder(origin: Tensor, direction: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    side_near, side_far = _tube(origin, direction, half[0])
    inverse = 1.0 / _nonzero(direction[2])
    middle, reach = -origin[2] * inverse, half[2] * inverse.abs()
    return torch.maximum(side_near, middle - reach), torch.minimum(side_far, middle + reach)


def _capsule(origin: Tensor, direction: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """The tube where the ray enters it between the caps, else the cap's sphere (through which every other ray comes in)."""
    near, far = _tube(origin, direction, half[0])
    height = origin[2] + direction[2] * near
    axis = _on_axis(height, half)
    lifted = torch.stack((origin[0], origin[1], origin[2] - axis)) / half[0]
    cap_near, cap_far = _unit_sphere(lifted, direction / half[0])
    between = height == axis
    return torch.where(between, near, cap_near), torch.where(between, far, cap_far)


def _tube(origin: Tensor, direction: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """The endless cylinder around the third axis; an empty interval where the ray passes it by."""
    length2 = (direction[0] * direction[0] + direction[1] * direction[1]).clamp_min(1e-12)
    middle = -(origin[0] * direction[0] + origin[1] * direction[1]) / length2
    x, y = origin[0] + direction[0] * middle, origin[1] + direction[1] * middle
    inside = radius * radius - (x * x + y * y)
    reach = inside.sign() * (inside.abs() / length2).sqrt()
    return middle - reach, middle + reach


def _on_axis(height: Tensor, half: Tensor) -> Tensor:
    """The point of a capsule's inner segment (half length `half[2]`, caps beyond it) nearest to a height along it."""
    return torch.maximum(torch.minimum(height, half[2]), -half[2])


def _nonzero(value: Tensor) -> Tensor:
    return value + 1e-20


INTERVALS: dict[str, Interval] = {"ball": _ellipsoid, "cube": _box, "cylinder": _cylinder, "capsule": _capsule, "egg": _ellipsoid}
assert tuple(INTERVALS) == SHAPES
