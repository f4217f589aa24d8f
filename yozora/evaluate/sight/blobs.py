"""Connected regions of one label in the frames of a clip, measured."""

from dataclasses import dataclass

import numpy as np

SEAM = 0.3  # most of a seam's pixels that may have only their like around them
SPECK, ENCLOSED = 0.15, 0.6  # a speck's area over its neighbour's at most, and how much of its outline is that neighbour's at least


@dataclass(frozen=True)
class Blobs:
    """Regions in order of frame. Lengths are in pixels of the label maps, x to the right and y down."""

    number: np.ndarray  # int64[blob], as in `components`
    frame: np.ndarray  # int64[blob]
    label: np.ndarray  # int64[blob], above 0
    area: np.ndarray  # float64[blob]
    centre: np.ndarray  # float64[blob 2], x and y
    box: np.ndarray  # int64[blob 4], left, top, right, bottom; the last two exclusive

    def __len__(self) -> int:
        return len(self.frame)

    def chosen(self, which: np.ndarray) -> "Blobs":
        """Those blobs that an index or mask chooses."""
        return Blobs(self.number[which], self.frame[which], self.label[which], self.area[which], self.centre[which], self.box[which])


def components(labels: np.ndarray) -> np.ndarray:
    """Numbers `int64[time height width]` of the 8-connected regions of equal label above 0, from 1 on; 0 elsewhere."""
    change = np.ones(labels.shape, bool)
    change[..., 1:] = labels[..., 1:] != labels[..., :-1]
    run = np.cumsum(change.ravel()).reshape(labels.shape) - 1  # stretches of a row with one label
    root = np.arange(run[-1, -1, -1] + 1)
    links = np.concatenate([_links(labels, run, shift) for shift in (-1, 0, 1)], axis=1)
    while True:  # every run takes the least number among its neighbours until nothing changes
        least = np.minimum(root[links[0]], root[links[1]])
        before = root.copy()
        np.minimum.at(root, root[links[0]], least)
        np.minimum.at(root, root[links[1]], least)
        root = root[root]
        if np.array_equal(before, root):
            break
    whole = np.where(labels > 0, root[run] + 1, 0)
    return np.unique(whole, return_inverse=True)[1].reshape(labels.shape) + int(whole.min() > 0)


def absorb(labels: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Labels with the seams and specks among regions given to the region they touch most.

    Where two colours mix there is a third, and a highlight has a colour of its own. A seam is a region of which few pixels have
    only their like around them; a speck is small and touches little but its large neighbour.
    """
    whole = np.ones(labels.shape, bool)
    edges = []
    for shift in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        padded = np.pad(number, ((0, 0), (1, 1), (1, 1)), mode="edge")  # the picture goes on beyond its border
        beside = padded[:, 1 + shift[0] :, 1 + shift[1] :][:, : number.shape[1], : number.shape[2]]
        differs = beside != number
        whole &= ~differs
        edges.append(np.stack([number[differs], beside[differs]]))
    area = np.bincount(number.ravel())
    (own, touched), times = np.unique(np.concatenate(edges, axis=1), axis=1, return_counts=True)
    outline = np.bincount(own, times, len(area))
    solid = np.bincount(number.ravel(), whole.ravel(), len(area)) >= SEAM * area
    seam = ~solid[own] & solid[touched]
    speck = (area[own] < SPECK * area[touched]) & (times > ENCLOSED * outline[own])
    taken = np.flatnonzero((own > 0) & (touched > 0) & (seam | speck))
    taken = taken[np.argsort(times[taken], kind="stable")]
    becomes = np.arange(len(area))
    becomes[own[taken]] = touched[taken]  # written last, the most touched one stays
    names = np.zeros(len(area), labels.dtype)
    names[number] = labels
    return names[becomes][number]


def measure(labels: np.ndarray, number: np.ndarray) -> Blobs:
    """The regions of `components` in order of their numbers."""
    count = int(number.max())
    frame, y, x = np.nonzero(number)
    index = number[frame, y, x] - 1
    area = np.bincount(index, minlength=count).astype(np.float64)
    centre = np.stack([np.bincount(index, axis + 0.5, count) / area for axis in (x, y)], axis=1)
    box = np.empty((count, 4), np.int64)
    box[:, :2] = 1 << 40
    box[:, 2:] = 0
    for column, axis in enumerate((x, y)):
        np.minimum.at(box[:, column], index, axis)
        np.maximum.at(box[:, column + 2], index, axis + 1)
    first = np.zeros(count, np.int64)
    label = np.zeros(count, np.int64)
    first[index], label[index] = frame, labels[frame, y, x]
    return Blobs(np.arange(1, count + 1), first, label, area, centre, box)


def _links(labels: np.ndarray, run: np.ndarray, shift: int) -> np.ndarray:
    """Pairs of runs `int64[2 link]` of equal label that touch in rows above one another, the lower one moved by `shift`."""
    width = labels.shape[-1]
    above = np.s_[:, :-1, max(shift, 0) : width + min(shift, 0)]
    below = np.s_[:, 1:, max(-shift, 0) : width + min(-shift, 0)]
    touch = (labels[above] > 0) & (labels[above] == labels[below])
    return np.stack([run[above][touch], run[below][touch]])
