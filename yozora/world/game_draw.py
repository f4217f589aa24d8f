"""Pictures of a game: flat tiles, a score of coins above the board, and a player that glides from cell to cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, UInt8

from yozora.world.game import PACE, STEPS, Cell, Game, State

Colour = tuple[int | float, int | float, int | float]
Picture = Float32[np.ndarray, "height width 3"]
Clip = UInt8[np.ndarray, "time height width 3"]

COLOURS: dict[str, Colour] = {  # of players and coins, sRGB from 0 to 255; no theme has anything as vivid
    "red": (226, 62, 66),
    "orange": (243, 134, 36),
    "yellow": (250, 206, 48),
    "cyan": (36, 190, 206),
    "blue": (62, 104, 232),
    "purple": (148, 58, 230),
    "pink": (244, 104, 172),
}


@dataclass(frozen=True)
class Theme:
    """Colours of floor (two, in turn), walls and of what is around the board."""

    floor: tuple[Colour, Colour]
    wall: Colour
    around: Colour


THEMES = {
    "meadow": Theme(((198, 214, 184), (190, 207, 175)), (112, 132, 104), (66, 80, 64)),
    "desert": Theme(((230, 218, 194), (223, 210, 185)), (156, 136, 114), (88, 76, 64)),
    "ice": Theme(((222, 233, 240), (213, 226, 235)), (142, 164, 184), (68, 84, 102)),
    "cave": Theme(((112, 106, 104), (105, 99, 97)), (60, 55, 55), (34, 31, 32)),
    "night": Theme(((86, 90, 118), (80, 84, 111)), (44, 46, 70), (24, 25, 42)),
}
KINDS = ("floor", "wall", "closed", "open", "coin", "bar", "socket", "point")  # of tiles; the last three are the score's
PLAYER, COIN = 0.38, 0.27  # half a side and radius, in cells
WHITE, DARK, STONE, GLOW = (250, 250, 250), (28, 28, 34), (172, 172, 176), (255, 248, 222)


@dataclass(frozen=True)
class Layout:
    """Where a board lies in a picture: pixels of a cell's side, and the upper left corner of cell (0, 0)."""

    cell: int
    left: int
    top: int


def layout(size: tuple[int, int], columns: int, rows: int) -> Layout:
    """The largest whole cells that fit, in the middle; raises ValueError where none do."""
    width, height = size
    cell = int(min(width / (columns + 0.25), height / (rows + 1.25)))
    if cell < 4:
        raise ValueError(f"a board of {columns}x{rows} cells does not fit into {width}x{height} pixels; take a larger size")
    return Layout(cell, (width - columns * cell) // 2, (height - (rows + 1) * cell) // 2 + cell)


def draw(game: Game, states: Sequence[State], size: tuple[int, int], *, frames: int, fps: float | int) -> Clip:
    """The clip of some states, one a tick, at `size` (width, height); the last one stays until the end."""
    grid, facing = layout(size, game.board.columns, game.board.rows), game.first
    clip = np.empty((frames, size[1], size[0], 3), np.uint8)
    scenery: tuple[State, np.ndarray] | None = None
    for frame in range(frames):
        at = min(frame / fps * PACE + 1e-9, len(states) - 1)
        now, then = states[int(at)], states[min(int(at) + 1, len(states) - 1)]
        if scenery is None or scenery[0] is not now:
            scenery = now, backdrop(game, now, size)
        clip[frame] = scenery[1]
        place = [a + (at % 1) * (b - a) for a, b in zip(now.player, then.player)]
        facing = way(now.player, then.player) or facing
        x, y = (round(grid.cell * value) for value in place)
        patch = clip[frame, grid.top + y :, grid.left + x :][: grid.cell, : grid.cell]
        colour, cover = sprite(game.player, facing, grid.cell)
        patch[:] = np.rint(patch * (1 - cover) + colour * cover)
    return clip


def way(one: Cell, other: Cell) -> str:
    """The step from one cell to another; empty where it is none, or stays."""
    between = (other[0] - one[0], other[1] - one[1])
    return next((name for name, step in STEPS.items() if step == between and name != "stay"), "")


def backdrop(game: Game, state: State, size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
    """Everything but the player."""
    board, grid = game.board, layout(size, game.board.columns, game.board.rows)
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:] = np.rint(THEMES[game.theme].around)
    for row in range(-1, board.rows):
        for column in range(board.columns):
            kind = point(game, state, column) if row < 0 else kind_at(game, state, (column, row))
            y, x = grid.top + row * grid.cell, grid.left + column * grid.cell
            picture[y : y + grid.cell, x : x + grid.cell] = tile(kind, game.theme, game.coin, (column + row) % 2, grid.cell)
    return picture


def kind_at(game: Game, state: State, cell: Cell) -> str:
    """The tile of a cell of the board."""
    if cell in game.board.walls:
        return "wall"
    if cell == game.board.door:
        return "open" if state.open else "closed"
    return "coin" if cell in state.coins else "floor"


def point(game: Game, state: State, column: int) -> str:
    """The tile of a column of the score: a point for each coin collected, a socket for each that is left."""
    return "point" if column < state.score else "socket" if column < len(game.board.coins) else "bar"


@cache
def tile(kind: str, theme: str, coin: str, parity: int, cell: int) -> UInt8[np.ndarray, "cell cell 3"]:
    """A cell of the board or of the score, `cell` pixels a side; the two parities take turns."""
    look, picture = THEMES[theme], np.empty((cell, cell, 3), np.float32)
    picture[:] = look.around if kind in ("bar", "socket", "point") else look.floor[parity]
    dark, light = shade(look.wall, 0.72), shade(look.wall, 1.16)
    if kind == "wall":
        stamp(picture, (0.5, 0.5), (0.5, 0.5), 0.12, dark)
        stamp(picture, (0.5, 0.42), (0.5, 0.42), 0.12, light)
        stamp(picture, (0.5, 0.45), (0.45, 0.38), 0.1, look.wall)
    if kind in ("closed", "open"):
        stamp(picture, (0.5, 0.55), (0.45, 0.55), 0.35, dark)
        stamp(picture, (0.5, 0.53), (0.43, 0.5), 0.33, STONE)
        stamp(picture, (0.5, 0.62), (0.3, 0.45), 0.25, DARK if kind == "closed" else GLOW)
        if kind == "closed":
            stamp(picture, (0.5, 0.6), (0.1, 0.1), 0.1, STONE)
            stamp(picture, (0.5, 0.72), (0.05, 0.14), 0.03, STONE)
    if kind == "socket":
        stamp(picture, (0.5, 0.5), (COIN, COIN), COIN, shade(look.floor[0], 0.7))
        stamp(picture, (0.5, 0.5), (COIN - 0.07, COIN - 0.07), COIN - 0.07, look.around)
    if kind in ("coin", "point"):
        colour = COLOURS[coin]
        if kind == "coin":
            stamp(picture, (0.5, 0.6), (COIN, COIN), COIN, shade(look.floor[parity], 0.82))
        stamp(picture, (0.5, 0.5), (COIN, COIN), COIN, shade(colour, 0.78))
        stamp(picture, (0.5, 0.5), (COIN * 0.78, COIN * 0.78), COIN * 0.78, colour)
        stamp(picture, (0.42, 0.42), (0.06, 0.06), 0.06, WHITE)
    return np.rint(picture.clip(0, 255)).astype(np.uint8)


@cache
def sprite(colour: str, facing: str, cell: int) -> tuple[Picture, Float32[np.ndarray, "cell cell 1"]]:
    """The player's colours in a cell, and how far they cover what is beneath, from 0 to 1; its eyes look ahead."""
    right, down = STEPS[facing]
    black, white = (np.full((cell, cell, 3), ground, np.float32) for ground in (0.0, 255.0))
    for picture in (black, white):
        stamp(picture, (0.5, 0.56), (PLAYER, PLAYER), 0.16, (20, 20, 24), 0.3)
        stamp(picture, (0.5, 0.5), (PLAYER, PLAYER), 0.16, shade(COLOURS[colour], 0.78))
        stamp(picture, (0.5, 0.46), (PLAYER, PLAYER - 0.04), 0.16, COLOURS[colour])
        for side in (-0.15, 0.15):
            x, y = 0.5 + side + 0.08 * right, 0.42 + 0.08 * down
            stamp(picture, (x, y), (0.09, 0.11), 0.09, WHITE)
            stamp(picture, (x + 0.035 * right, y + 0.04 * down), (0.05, 0.06), 0.05, DARK)
    cover = 1 - (white - black).mean(2, keepdims=True) / 255
    return black / np.maximum(cover, 1e-3), cover


def stamp(picture: Picture, middle: tuple[float, float], half: tuple[float, float], corner: float, colour: Colour, strength: float = 1.0):
    """Paint a box with round corners on a cell, in units of its side; borders are as soft as a pixel is wide."""
    cell = len(picture)
    y, x = (np.mgrid[:cell, :cell] + 0.5) / cell
    across, down = abs(x - middle[0]) - half[0] + corner, abs(y - middle[1]) - half[1] + corner
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0)) + np.minimum(np.maximum(across, down), 0) - corner
    cover = strength * np.clip(0.5 - outside * cell, 0, 1)[..., None]
    picture += (cover * (np.array(colour) - picture)).astype(np.float32)


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker, or lighter for factors above 1."""
    red, green, blue = (min(255.0, value * factor) for value in colour)
    return red, green, blue
