"""Whether the rules of the game are read rightly: true clips, and clips spoilt on purpose, `python -m yozora.evaluate.game.faults`."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from jaxtyping import UInt8

from yozora import command
from yozora.evaluate.finding import record
from yozora.evaluate.game.rules import RULES, judge
from yozora.evaluate.report import Row, table
from yozora.tasks.settings import read_size
from yozora.video import Video
from yozora.world.game import Cell, Game, State, board_size, play, ticks
from yozora.world.game_draw import backdrop, draw
from yozora.world.game_sample import sample_game

Frames = UInt8[np.ndarray, "time height width 3"]
Film = Callable[[Game, Sequence[State]], Frames]
Fault = Callable[[Game, Film, np.random.Generator], Frames]
FIRST_SEED = 90_000_000
NAMES = (*RULES, "first", "final", "looks", "all")
SIGMA = 4.0  # levels of colour, of noise


def teleport(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """From the middle on the player is two cells or more away, where it stays."""
    states = list(play(game))
    half = len(states) // 2
    before = states[half - 1]
    taken = before.coins | game.board.walls | {game.board.door}
    spots = [cell for cell in cells(game) if cell not in taken and apart(cell, before.player) >= 2]
    return film(game, states[:half] + [replace(before, player=one_of(spots, rng))] * (len(states) - half))


def through_wall(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """There is a wall on the player's way."""
    states, board = play(game), game.board
    crossed = {state.player for state in states} - board.coins - {board.start, board.door}
    return film(replace(game, board=replace(board, walls=board.walls | {one_of(sorted(crossed), rng)})), states)


def vanish(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """A coin goes while the player is two cells or more away from it."""
    states = play(game)
    chances = [(tick, coin) for tick, state in enumerate(states) for coin in sorted(state.coins) if tick and far(states, tick, coin)]
    tick, gone = one_of(chances, rng)
    late = [replace(s, coins=s.coins - {gone}, score=s.score - (gone not in s.coins)) for s in states[tick:]]
    return film(game, [*states[:tick], *late])


def come_back(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """A coin that was collected lies there again when the player has gone on, two cells at least."""
    states = play(game)
    chances = [
        (tick, coin) for tick, state in enumerate(states) for coin in sorted(game.board.coins - state.coins) if far(states, tick, coin)
    ]
    tick, back = one_of(chances, rng)
    return film(game, [*states[:tick], *(replace(state, coins=state.coins | {back}) for state in states[tick:])])


def miscount(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """The score counts each coin twice, or none."""
    factor = int(rng.choice([0, 2]))
    return film(game, [replace(state, score=factor * state.score) for state in play(game)])


def wrong_door(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """The door is open while there are coins, and closed when there are none."""
    return film(game, [replace(state, open=not state.open) for state in play(game)])


def move_wall(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """In the middle a wall that stands far from the player goes."""
    states = play(game)
    half = len(states) // 2
    gone = one_of([wall for wall in sorted(game.board.walls) if far(states, half, wall)], rng)
    other = replace(game, board=replace(game.board, walls=game.board.walls - {gone}))
    before, after = film(game, states), film(other, states)
    return np.concatenate([before[: len(before) // 2], after[len(before) // 2 :]])


def second_player(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """From the middle on there is a second player, which stands still."""
    states, board = play(game), game.board
    free = [cell for cell in cells(game) if cell not in board.walls | board.coins | {board.door}]
    place = one_of([cell for cell in free if all(apart(cell, state.player) >= 2 for state in states)], rng)
    clip, end = film(game, states), replace(states[-1], player=place)
    with_it = film(game, [end])[0]
    is_it = (with_it != backdrop(game, end, (clip.shape[2], clip.shape[1]))).any(-1)
    clip[len(clip) // 2 :, is_it] = with_it[is_it]
    return clip


def reverse(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """The clip runs backward."""
    return film(game, play(game))[::-1]


def shuffle(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """The frames in any order."""
    clip = film(game, play(game))
    return clip[rng.permutation(len(clip))]


def freeze(game: Game, film: Film, rng: np.random.Generator) -> Frames:
    """The first frame over and over, which breaks no rule but does not do what was asked."""
    clip = film(game, play(game))
    return np.repeat(clip[:1], len(clip), axis=0)


FAULTS: dict[Fault, str] = {  # and the rule that each breaks, if not others too
    teleport: "steps",
    through_wall: "walls",
    vanish: "coins",
    come_back: "coins",
    miscount: "score",
    wrong_door: "door",
    move_wall: "board",
    second_player: "players",
    reverse: "coins",
    shuffle: "steps",
}


def spoilt(fault: Fault, game: Game, film: Film, rng: np.random.Generator) -> Frames | None:
    """A clip with a fault; None where the game gives no occasion for it."""
    try:
        return fault(game, film, rng)
    except LookupError:
        return None


def cells(game: Game) -> list[Cell]:
    """All cells of the board."""
    return [(x, y) for x in range(game.board.columns) for y in range(game.board.rows)]


def apart(one: Cell, other: Cell) -> int:
    """Cells between two, diagonal steps counted as one."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def far(states: Sequence[State], tick: int, cell: Cell) -> bool:
    """Whether the player is two cells or more away from a cell around that tick."""
    return all(apart(state.player, cell) >= 2 for state in states[max(0, tick - 1) : tick + 2])


def one_of(options: Sequence, rng: np.random.Generator):
    """Any of some options; raises LookupError where there are none."""
    if not options:
        raise LookupError("no occasion")
    return options[int(rng.integers(len(options)))]


def trial(game: Game, film: Film, fps: float | int, rng: np.random.Generator) -> dict[str, Video]:
    """A true clip, the same with noise, out of a file and halved in size and enlarged, the first frame over and over, and each fault."""
    true = film(game, play(game))
    noisy = np.rint(true + SIGMA * rng.standard_normal(true.shape)).clip(0, 255).astype(np.uint8)
    clips = {"true": true, "noise": noisy, "frozen": freeze(game, film, rng)}
    videos = {name: Video(frames, fps) for name, frames in clips.items()}
    height, width = true.shape[1:3]
    videos["soft"] = videos["true"].resized(width // 2, height // 2).resized(width, height)
    with tempfile.TemporaryDirectory() as folder:
        videos["H.264"] = Video.load(videos["true"].save(Path(folder) / "clip.mp4"))
    for fault in FAULTS:
        frames = spoilt(fault, game, film, rng)
        if frames is not None:
            videos[fault.__name__] = Video(np.ascontiguousarray(frames), fps)
    return videos


def main(
    clips: Annotated[int, typer.Option(min=1, help="games of each size")] = 20,
    size: Annotated[list[str] | None, typer.Option(help="width x height, may be given several times")] = None,
    frames: Annotated[int, typer.Option(min=1, help="length of a clip")] = 48,
    fps: Annotated[float, typer.Option(min=1, help="frames a second")] = 12.0,
) -> None:
    """Print which clips keep each rule, and which do what their caption asks."""
    rows: dict[str, list[Row]] = {}
    for width, height in map(read_size, size or ["128x128"]):
        for seed in range(FIRST_SEED, FIRST_SEED + clips):
            game = sample_game(seed, board=board_size((width, height)), ticks=ticks(frames, fps))

            def film(game: Game, states: Sequence[State], size: tuple[int, int] = (width, height)) -> Frames:
                return draw(game, states, size, frames=frames, fps=fps)

            for name, video in trial(game, film, fps, np.random.default_rng(seed)).items():
                rows.setdefault(name, []).append({"scores": record(judge(video, game))})
    typer.echo(table(rows, NAMES, "clips"))


if __name__ == "__main__":
    command.run(main)
