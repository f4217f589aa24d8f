"""A small digital world: a grid with a player, coins, walls, a door and a score, played by rules without chance.

The rules: the player moves one cell a tick, or stays; walls, the border and the closed door block. A coin is collected where the
player comes to it and is gone for good, and the score counts it. The door opens with the last coin and never closes again.
"""

from dataclasses import dataclass

Cell = tuple[int, int]  # column from the left, row from the top

STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "stay": (0, 0)}
PACE = 4.0  # ticks a second
SHORT_SIDE = 8.5  # cells, and half a cell for the frame around the board, along the shorter side of a picture


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a game begins with; no two of walls, coins, door and start share a cell."""

    columns: int
    rows: int
    walls: frozenset[Cell]
    coins: frozenset[Cell]
    door: Cell
    start: Cell


@dataclass(frozen=True, kw_only=True)
class Game:
    """A board, what the player tries at each tick (keys of `STEPS`), and how it all looks (keys of `game_draw`'s tables)."""

    board: Board
    moves: tuple[str, ...]
    theme: str
    player: str
    coin: str

    @property
    def first(self) -> str:
        """The first way in which the player tries to go; `stay` where it never moves."""
        return next((move for move in self.moves if move != "stay"), "stay")


@dataclass(frozen=True)
class State:
    """Where the player is, the coins that are left, how many were collected, and whether the door is open."""

    player: Cell
    coins: frozenset[Cell]
    score: int
    open: bool


def play(game: Game) -> tuple[State, ...]:
    """The state before each move, and the last one."""
    board = game.board
    states = [State(board.start, board.coins, 0, open=not board.coins)]
    for move in game.moves:
        states.append(after(board, states[-1], move))
    return tuple(states)


def after(board: Board, state: State, move: str) -> State:
    """The state a tick later."""
    (x, y), (right, down) = state.player, STEPS[move]
    to = (x + right, y + down)
    if not free(board, to, open=state.open):
        return state
    left = state.coins - {to}
    return State(to, left, state.score + len(state.coins) - len(left), open=not left)


def free(board: Board, cell: Cell, *, open: bool) -> bool:
    """Whether the player can be in a cell while the door is open, or closed."""
    inside = 0 <= cell[0] < board.columns and 0 <= cell[1] < board.rows
    return inside and cell not in board.walls and (open or cell != board.door)


def ticks(frames: int, fps: float | int) -> int:
    """The moves that a clip shows from beginning to end."""
    return int((frames - 1) / fps * PACE + 1e-6)


def board_size(size: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of the usual board for pictures of `size` (width, height); the score has a row of its own above them."""
    unit = int(min(size) / SHORT_SIDE)
    if unit < 4:
        raise ValueError(f"a game of {size[0]}x{size[1]} pixels cannot be read; make both sides {int(4 * SHORT_SIDE)} pixels or more")
    columns, rows = ((side - unit // 2) // unit for side in size)
    return columns, rows - 1
