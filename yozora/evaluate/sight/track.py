"""Everything that is seen in a clip, once: regions linked over time into tracks, and the camera's move."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from yozora.evaluate.sight.blobs import Blobs
from yozora.evaluate.sight.camera import Move, find_move
from yozora.evaluate.sight.detect import Detections, detect, shrink
from yozora.evaluate.sight.eye import Eye
from yozora.video import Video
from yozora.world.scene import COLOURS

GATE = 1.25  # of the picture's side in a second: how fast a region may cross the picture between frames
FALLING = 2.0  # times as fast, at which it may go up or down
DRIFTS = 0.3  # and by which part of it farther for each frame in which it was not seen
BRIEF = 0.06  # of the clip's frames: what is seen for less is taken for noise
RATE = 12.5  # frames a second that are looked at, at most


@dataclass(frozen=True)
class Sight:
    """What is seen in a clip. `track` numbers the regions of `found` from 0 on, -1 being noise.

    `pixels` in [0, 1] and the `number` of each one's region (0: background) are as they were looked at.
    """

    found: Detections
    track: np.ndarray  # int64[blob]
    move: Move
    fps: float
    pixels: Tensor  # float32[time 3 height width]
    number: np.ndarray  # int64[time height width]

    def without(self, colours: Collection[str]) -> "Sight":
        """The same, regions of some colours taken for noise."""
        labels = [1 + list(COLOURS).index(colour) for colour in colours]
        return replace(self, track=np.where(np.isin(self.found.blobs.label, labels), -1, self.track))

    @property
    def colours(self) -> list[str]:
        """The colours that are seen, in the world's order."""
        names = list(COLOURS)
        return [names[label - 1] for label in np.unique(self.found.blobs.label[self.track >= 0])]

    def of(self, colour: str) -> np.ndarray:
        """Which regions show a colour: `bool[blob]`."""
        return (self.found.blobs.label == 1 + list(COLOURS).index(colour)) & (self.track >= 0)

    def counts(self, colour: str) -> np.ndarray:
        """How many regions of a colour each frame shows: `int64[time]`."""
        return np.bincount(self.found.blobs.frame[self.of(colour)], minlength=self.found.frames)


def look(video: Video, eye: Eye | None = None) -> Sight:
    """See a clip, at no more than `RATE` frames a second."""
    stride = max(1, round(video.fps / RATE))
    pixels, fps = shrink(torch.from_numpy(video.frames[::stride])), video.fps / stride
    found, number = detect(pixels, eye)
    track = link(found.blobs, found.size, GATE / fps)
    if len(pixels) > 2:
        track = np.where(np.bincount(track, minlength=1)[track] >= max(2, BRIEF * len(pixels)), track, -1)
    move = find_move(pixels, torch.from_numpy(number > 0), fps)
    return Sight(found, track, move, fps, pixels, number)


def link(blobs: Blobs, size: tuple[int, int], gate: float) -> np.ndarray:
    """Numbers `int64[blob]` of tracks: regions of one colour, each at most `gate` sides across from where the last was, or was going."""
    side = float(np.sqrt(size[0] * size[1]))
    track = np.full(len(blobs), -1, np.int64)
    count = 0
    for label in np.unique(blobs.label):
        ends: dict[int, list[int]] = {}  # track -> its last two regions
        for frame in np.unique(blobs.frame[blobs.label == label]):
            here = np.flatnonzero((blobs.label == label) & (blobs.frame == frame)).tolist()
            pairs = [(_jump(blobs, end, blob) / side, number, blob) for number, end in ends.items() for blob in here]
            taken: set[int] = set()
            for jump, number, blob in sorted(pairs):
                reach = gate * (1 + DRIFTS * (frame - blobs.frame[ends[number][-1]] - 1))
                if jump < reach and number not in taken and track[blob] < 0:
                    track[blob] = number
                    taken.add(number)
                    ends[number] = [ends[number][-1], blob]
            for blob in (blob for blob in here if track[blob] < 0):
                track[blob] = count
                ends[count] = [blob]
                count += 1
    return track


def _jump(blobs: Blobs, end: list[int], blob: int) -> float:
    """From where a track was, or would be by now, to a region, in pixels across; up and down, more of them make one."""
    gap = blobs.frame[blob] - blobs.frame[end[-1]]
    last = blobs.centre[end[-1]]
    before = max(int(blobs.frame[end[-1]] - blobs.frame[end[0]]), 1)
    ahead = last + (last - blobs.centre[end[0]]) * min(gap, 3) / before
    return float(np.linalg.norm((blobs.centre[blob] - np.stack([last, ahead])) / (1, FALLING), axis=1).min())
