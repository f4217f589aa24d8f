"""Draws games by seed: for training, or with a combination of looks that no training may see."""

from collections import deque
from functools import cache
from itertools import count, product

import numpy as np

from yozora.world.game import STEPS, Board, Cell, Game, State, after, free, play
from yozora.world.game_draw import COLOURS, THEMES
from yozora.world.heldout import PAIR_SHARE, TRIPLE_SHARE, choose
from yozora.world.sample import choice

SPLITS = ("train", "pairs", "triples", "paraphrase")  # the last: games as in training, for captions in reserved phrasings
WAYS = ("left", "right", "up", "down")
AXES = {"player": tuple(COLOURS), "coin": tuple(COLOURS), "theme": tuple(THEMES), "direction": WAYS}
LOOKS = {"pairs": ("player-coin", "theme-player", "theme-coin"), "triples": ("player-theme-direction",)}
SHARES = {"pairs": PAIR_SHARE, "triples": TRIPLE_SHARE}
COINS = (2, 6)  # of a game, both included
WALL_CELLS = 0.16  # of the board, about
ENOUGH = 8  # ticks in which a coin at least is collected


def sample_game(seed: int, split: str = "train", *, board: tuple[int, int] = (8, 7), ticks: int = 15) -> Game:
    """The game of a seed on a board of (columns, rows): the player fetches the nearest coin again and again, then leaves by the door.

    In a clip that is not too short one coin at least is collected. Raises ValueError for an unknown split or a board below 4x4.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r} of games: choose one of {', '.join(SPLITS)}")
    if min(board) < 4:
        raise ValueError(f"a board of {board[0]}x{board[1]} cells is too small; give it at least 4 columns and 4 rows")
    drawn = (draw_game(np.random.default_rng([seed, SPLITS.index(split), attempt]), board, ticks) for attempt in count())
    worth = int(ticks >= ENOUGH)
    wanted = {split} & set(LOOKS)
    return next(game for game in drawn if game_levels(game) == wanted and play(game)[-1].score >= worth)


def reserved_game(game: Game) -> tuple[str, ...]:
    """Why a game may not be trained on: each reason begins with its level, as of scenes in `heldout`; empty where it may."""
    values = {"player": game.player, "coin": game.coin, "theme": game.theme, "direction": game.first}
    brought = [(level, name, tuple(values[axis] for axis in name.split("-"))) for level in LOOKS for name in LOOKS[level]]
    return tuple(f"{level}: {name} {' + '.join(look)}" for level, name, look in brought if look in held_looks(level, name))


def game_levels(game: Game) -> set[str]:
    """The levels at which a game is held out."""
    return {reason.partition(":")[0] for reason in reserved_game(game)}


@cache
def held_looks(level: str, name: str) -> frozenset[tuple[str, ...]]:
    """The reserved combinations of that name, by the rule of `heldout`; a reserved triple holds no reserved pair."""
    possible = looks(name)
    if level == "triples":
        possible = tuple(look for look in possible if look[1::-1] not in held_looks("pairs", "theme-player"))
    return frozenset(choose(f"game {name}", possible, SHARES[level]))


@cache
def looks(name: str) -> tuple[tuple[str, ...], ...]:
    """All combinations of that name; player and coins are never of one colour."""
    return tuple(look for look in product(*(AXES[axis] for axis in name.split("-"))) if len(set(look)) == len(look))


def draw_game(rng: np.random.Generator, board: tuple[int, int], ticks: int) -> Game:
    """Any game, held out or not."""
    player, coin = (str(name) for name in rng.choice(list(COLOURS), 2, replace=False))
    field = draw_board(rng, *board)
    return Game(board=field, moves=fetch(field, ticks, rng), theme=choice(rng, tuple(THEMES)), player=player, coin=coin)


def draw_board(rng: np.random.Generator, columns: int, rows: int) -> Board:
    """Short walls between which every free cell can be reached, a door at the border, coins and a player."""
    cells = list(product(range(columns), range(rows)))
    while True:
        walls: set[Cell] = set()
        while len(walls) < WALL_CELLS * len(cells):
            (x, y), (right, down) = cells[rng.integers(len(cells))], ((1, 0), (0, 1))[rng.integers(2)]
            walls |= {(x + right * step, y + down * step) for step in range(rng.integers(1, 4))} & set(cells)
        open_cells = [cell for cell in cells if cell not in walls]
        edge = [i for i, (x, y) in enumerate(open_cells) if x in (0, columns - 1) or y in (0, rows - 1)]
        if not edge:
            continue
        door = open_cells.pop(edge[rng.integers(len(edge))])
        picks = [open_cells[i] for i in rng.permutation(len(open_cells))[: 1 + rng.integers(COINS[0], COINS[1] + 1)]]
        board = Board(columns=columns, rows=rows, walls=frozenset(walls), coins=frozenset(picks[1:]), door=door, start=picks[0])
        reached = distances(board, board.start, open=False)
        if len(reached) == len(open_cells) and door in distances(board, board.start, open=True):
            return board


def fetch(board: Board, ticks: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Moves that lead to the nearest coin, again and again, and then into the door; where two ways are as short, chance decides."""
    state, moves = State(board.start, board.coins, 0, open=False), list[str]()
    while len(moves) < ticks and (state.player != board.door):
        reached = distances(board, state.player, open=state.open)
        goal = min(sorted(state.coins), key=lambda coin: reached[coin]) if state.coins else board.door
        back = distances(board, goal, open=state.open)
        here = back[state.player]
        x, y = state.player
        nearer = [way for way in WAYS if back.get((x + STEPS[way][0], y + STEPS[way][1]), here) < here]
        straight = moves[-1:] if moves and moves[-1] in nearer and rng.random() < 0.7 else nearer
        moves.append(straight[int(rng.integers(len(straight)))])
        state = after(board, state, moves[-1])
    return tuple(moves[:ticks] + ["stay"] * (ticks - len(moves)))


def distances(board: Board, start: Cell, *, open: bool) -> dict[Cell, int]:
    """Steps from a cell to all that can be reached."""
    found, edge = {start: 0}, deque([start])
    while edge:
        x, y = edge.popleft()
        for way in WAYS:
            cell = (x + STEPS[way][0], y + STEPS[way][1])
            if cell not in found and free(board, cell, open=open):
                found[cell] = found[x, y] + 1
                edge.append(cell)
    return found
