"""Whether a clip of a game keeps the rules of the game, and does what its caption asks; read from pixels alone."""

from dataclasses import dataclass

import numpy as np

from yozora.evaluate.finding import Finding, Findings
from yozora.evaluate.game.read import CLOSED, COINED, FLOOR, HIDDEN, OPEN, WALL, Reading, read
from yozora.video import Video
from yozora.world.game import PACE, STEPS, Game, play

RULES = ("players", "steps", "walls", "coins", "score", "door", "board")
SLACK = 0.35  # cells by which a step may seem too long
INSIDE = 0.75  # cells from the middle of a wall, below which the player has entered it
ON = 0.45  # cells from the middle of a coin, below which the player has come to it
GROUND = np.array([0, 1, 2, 2, 0])  # of each kind of cell, what can never change: floor, wall or door


def judge(video: Video, game: Game) -> Findings:
    """All there is to say of a clip that was asked to show a game: each rule, and what the caption asks."""
    reading = read(video, (game.board.columns, game.board.rows))
    return rules(reading) | asked(reading, game)


def rules(reading: Reading) -> Findings:
    """Frames in a hundred that break each rule, which pass if there are none."""
    return {name: Finding(100 * float(broken.mean()), not broken.any()) for name, broken in violations(reading).items()}


def asked(reading: Reading, game: Game) -> Findings:
    """The first way in which the player goes, the score at the end, and the looks: 1 if as asked."""
    end = play(game)[-1].score
    looks = {"player": game.player, "coin": game.coin, "theme": game.theme}
    wrong = [getattr(reading, name) or "none" for name, value in looks.items() if getattr(reading, name) != value]
    first = first_way(reading)
    return {
        "first": Finding(float(first == game.first), first == game.first, first),
        "final": Finding(float(reading.score[-1] == end), bool(reading.score[-1] == end), f"{reading.score[-1]} for {end}"),
        "looks": Finding(1 - len(wrong) / len(looks), not wrong, " ".join(wrong)),
    }


def first_way(reading: Reading) -> str:
    """Where the player is first seen to go, half a cell or more; `stay` where it never does."""
    places = reading.places[~np.isnan(reading.places[:, 0])]
    moved = places - places[:1]
    far = np.flatnonzero(abs(moved).max(1, initial=0) >= 0.5)
    return max(STEPS, key=lambda way: float(moved[far[0]] @ STEPS[way])) if len(far) else "stay"


def violations(reading: Reading) -> dict[str, np.ndarray]:
    """Which frames break each of `RULES`, `bool[time]`.

    players: there is one, of one colour. steps: it goes no faster than a cell a tick. walls: it enters no wall, nor a door that is
    still closed. coins: one goes when, and only when, the player comes to it, and none comes back. score: it has risen by the
    number of coins collected. door: it is open if, and only if, no coin is left. board: walls and door stay where they are.
    """
    broken = {name: np.zeros(len(reading.score), bool) for name in RULES}
    broken["players"] = np.isnan(reading.places[:, 0])
    broken["steps"] = leaps(reading)
    memory = Memory.before(reading)
    for frame, (kinds, place) in enumerate(zip(reading.kinds, reading.places)):
        for name in memory.look(kinds, place, int(reading.score[frame] - reading.score[0])):
            broken[name][frame] = True
    return broken


def leaps(reading: Reading) -> np.ndarray:
    """Frames `bool[time]` in which the player is farther from where it was than it can have gone, since any frame up to a tick before."""
    found = np.zeros(len(reading.places), bool)
    seen = np.flatnonzero(~np.isnan(reading.places[:, 0]))
    for back in range(1, max(1, round(reading.fps / PACE)) + 1):
        gone = abs(reading.places[seen[back:]] - reading.places[seen[:-back]]).max(1, initial=0)
        found[seen[back:]] |= gone > (seen[back:] - seen[:-back]) * PACE / reading.fps + SLACK
    return found


@dataclass
class Memory:
    """What is known of a board while a clip is looked at: the last kind of each cell, coins the player came to, and coins it got."""

    kinds: np.ndarray  # int64[row column]
    visited: np.ndarray  # bool[row column]
    collected: int = 0

    @classmethod
    def before(cls, reading: Reading) -> "Memory":
        """A memory that knows each cell as it is first seen."""
        first = np.take_along_axis(reading.kinds, (reading.kinds != HIDDEN).argmax(0)[None], 0)[0]
        return cls(np.where(first == HIDDEN, FLOOR, first), np.zeros(first.shape, bool))

    def look(self, now: np.ndarray, place: np.ndarray, score: int) -> set[str]:
        """The rules that a frame breaks, given what was seen before it; what it shows is remembered."""
        clear = now != HIDDEN
        was, visited = self.kinds, self.visited
        coin = clear & (now == COINED)
        gone, still = clear & ~coin & (was == COINED), coin & (was == COINED)
        coins = (gone & ~visited) | (still & visited) | (coin & (was != COINED))
        board = clear & (GROUND[now] != GROUND[was])
        self.collected += int((gone & visited).sum())
        self.kinds = np.where(clear, now, was)
        rows, columns = now.shape
        apart = np.maximum(abs(np.arange(columns) - place[0]), abs(np.arange(rows)[:, None] - place[1]))  # false if not a number
        self.visited = ~clear & (visited | (apart < ON))
        covered = ~clear & (self.kinds == COINED)
        left = bool((coin | (covered & ~self.visited)).any())
        entered = (self.kinds == WALL) | ((self.kinds == CLOSED) & left)
        door = (clear & (now == OPEN) & left) | (clear & (now == CLOSED) & ~(self.kinds == COINED).any())
        found = {
            "walls": (entered & (apart < INSIDE)).any(),
            "coins": coins.any(),
            "score": not self.collected <= score <= self.collected + int((covered & self.visited).sum()),
            "door": door.any(),
            "board": board.any(),
        }
        return {name for name, broken in found.items() if broken}
