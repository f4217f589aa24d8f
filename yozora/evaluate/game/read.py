"""What a clip of a game shows, from its pixels alone: where the player is, what is in each cell, what the score says."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, UInt8

from yozora.evaluate.sight.blobs import components, measure
from yozora.video import Video
from yozora.world.game import board_size
from yozora.world.game_draw import COLOURS, THEMES, Layout, layout, tile

FIELD = ("floor", "wall", "closed", "open", "coin")  # what a cell can be, in the order of `Reading.kinds`
FLOOR, WALL, CLOSED, OPEN, COINED = range(len(FIELD))
HIDDEN = -1  # a cell that the player covers, at least in part
VIVID = 0.5  # of a colour's own difference between its strongest and its weakest part, which a pixel of it has
LARGE = 0.28  # of a cell's area, above which something vivid is a player: 0.58, or 0.34 where a codec blurs it; coins have 0.23 at most
REACH = 0.95  # cells from the player's middle to that of a cell, above which it covers nothing of it
LOOKED_AT = 12  # frames by which the theme is told

Tiles = UInt8[np.ndarray, "time row column cell cell 3"]


@dataclass(frozen=True)
class Reading:
    """A game as it is seen. Places are in cells: (0, 0) is the middle of the upper left one."""

    theme: str
    player: str  # empty where none is seen, as the next
    coin: str
    places: Float[np.ndarray, "time 2"]  # column and row; not a number where there is not one player, of the usual colour
    kinds: Int64[np.ndarray, "time row column"]  # places in `FIELD`, or HIDDEN
    score: Int64[np.ndarray, " time"]
    fps: float


def read(video: Video, board: tuple[int, int] | None = None) -> Reading:
    """Read a clip on a board of (columns, rows), by default the usual one for its size; raises ValueError where it is too small."""
    columns, rows = board or board_size((video.width, video.height))
    grid = layout((video.width, video.height), columns, rows)
    whole = video.frames[:, grid.top - grid.cell :, grid.left :][:, : (rows + 1) * grid.cell, : columns * grid.cell]
    tiles = whole.reshape(len(whole), rows + 1, grid.cell, columns, grid.cell, 3).swapaxes(2, 3)
    frame, colour, places = players(whole[:, grid.cell :], grid)
    hidden = np.zeros((len(tiles), rows, columns), bool)
    for index, (x, y) in zip(frame, places):
        apart = np.maximum(abs(np.arange(columns) - x), abs(np.arange(rows)[:, None] - y))
        hidden[index] |= apart < REACH
    theme = theme_of(tiles[:: 1 + len(tiles) // LOOKED_AT, 1:])
    kinds, score, coin = contents(tiles, theme, hidden)
    usual = int(np.bincount(colour, minlength=1).argmax())
    place = np.full((len(tiles), 2), np.nan)
    for index in np.flatnonzero(np.bincount(frame, minlength=len(tiles)) == 1):
        if colour[frame == index][0] == usual:
            place[index] = places[frame == index][0]
    player = list(COLOURS)[usual] if len(colour) else ""
    return Reading(theme, player, coin, place, np.where(hidden, HIDDEN, kinds), score, float(video.fps))


def players(field: UInt8[np.ndarray, "time height width 3"], grid: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Everything vivid that is larger than a coin: frame, place in `COLOURS`, and middle in cells `float64[found 2]`."""
    labels = vivid(field)
    blobs = measure(labels, components(labels))
    blobs = blobs.chosen(blobs.area > LARGE * grid.cell**2)
    return blobs.frame, blobs.label - 1, blobs.centre / grid.cell - 0.5


def vivid(pixels: UInt8[np.ndarray, "*place 3"]) -> Int64[np.ndarray, "*place"]:
    """The colour of each pixel whose hue it has, counted from 1 as in `COLOURS`; 0 for all that is dull."""
    values, colours = pixels.astype(np.int16), np.array(list(COLOURS.values()))
    strength = values.max(-1) - values.min(-1)
    found = np.zeros(strength.shape, np.int64)
    some = strength > VIVID * np.ptp(colours, axis=1).min()
    nearest = abs((hue(values[some])[:, None] - hue(colours) + 180) % 360 - 180).argmin(1)
    found[some] = np.where(strength[some] > VIVID * np.ptp(colours, axis=1)[nearest], nearest + 1, 0)
    return found


def hue(colour: np.ndarray) -> np.ndarray:
    """Degrees on the circle of colours."""
    red, green, blue = (colour[..., channel].astype(np.float32) for channel in range(3))
    return np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue))


def theme_of(tiles: Tiles) -> str:
    """The theme whose floor, walls and doors explain the board best."""
    return min(THEMES, key=lambda theme: np.min([unlike(tiles, kind, theme) for kind in FIELD[:COINED]], axis=0).mean())


def contents(tiles: Tiles, theme: str, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """What each cell of the board resembles most, the score, and the colour of the coins, which is one in the whole clip."""
    board, bar = tiles[:, 1:], tiles[:, :1]
    bare = np.stack([unlike(board, kind, theme) for kind in FIELD[:COINED]])
    empty = np.minimum(unlike(bar, "bar", theme), unlike(bar, "socket", theme))
    coins = {name: unlike(board, "coin", theme, name) for name in COLOURS}
    points = {name: unlike(bar, "point", theme, name) for name in COLOURS}
    nearest = np.min(list(coins.values()), axis=0)
    seen = {name: ((coins[name] == nearest) & (nearest < bare.min(0)) & ~hidden).sum() for name in COLOURS}
    nearest = np.min(list(points.values()), axis=0)
    seen = {name: seen[name] + ((points[name] == nearest) & (nearest < empty)).sum() for name in COLOURS}
    coin = max(COLOURS, key=lambda name: seen[name])
    kinds = np.concatenate([bare, coins[coin][None]]).argmin(0)
    return kinds, (points[coin] < empty).sum((1, 2)), coin if seen[coin] else ""


def unlike(tiles: Tiles, kind: str, theme: str, coin: str = "red") -> Float[np.ndarray, "time row column"]:
    """How far cells are from a tile, in levels of colour; the first row of a board of one row is the score's."""
    first = -1 if kind in ("bar", "socket", "point") else 0
    apart = np.empty(tiles.shape[:3])
    for parity in (0, 1):
        wanted = tile(kind, theme, coin, parity, tiles.shape[3]).astype(np.int16)
        row, column = np.nonzero((np.add.outer(np.arange(tiles.shape[1]) + first, np.arange(tiles.shape[2]))) % 2 == parity)
        apart[:, row, column] = abs(tiles[:, row, column] - wanted).mean((2, 3, 4))
    return apart
