"""The game: its rules hold in play, in the pictures and in what is read from them; nothing reserved is drawn for training."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from yozora.evaluate.game.faults import FAULTS, FIRST_SEED, spoilt, trial
from yozora.evaluate.game.read import COINED, FIELD, HIDDEN, read
from yozora.evaluate.game.rules import RULES, judge, rules, violations
from yozora.video import Video
from yozora.world.game import STEPS, Board, Game, board_size, free, play, ticks
from yozora.world.game_draw import COLOURS, THEMES, draw, kind_at
from yozora.world.game_sample import AXES, LOOKS, SPLITS, game_levels, held_looks, looks, sample_game
from yozora.world.game_words import DEEDS, DOORS, OPENINGS, SCORES, SENTENCE, SHORT, caption_game
from yozora.world.grammar import permitted
from yozora.world.heldout import reserved_phrase
from yozora.world.words_names import COLOUR_WORDS

BOARD = Board(columns=5, rows=4, walls=frozenset({(2, 0), (2, 1)}), coins=frozenset({(1, 1), (3, 2)}), door=(4, 0), start=(0, 1))
GAME = Game(
    board=BOARD, moves=("right", "right", "down", "right", "right", "up", "right", "up", "up"), theme="meadow", player="red", coin="blue"
)
SIZES = ((96, 96), (160, 96), (96, 160), (128, 128), (192, 128), (144, 256), (256, 144), (256, 256))
SHORT_CLIP, FPS = 33, 12.0  # 10 ticks and two thirds


def filmed(game, size, frames=SHORT_CLIP, fps=FPS):
    return lambda shown, states: draw(shown, states, size, frames=frames, fps=fps)


def games(number, size=(128, 128), frames=SHORT_CLIP, fps=FPS):
    return [sample_game(FIRST_SEED + seed, board=board_size(size), ticks=ticks(frames, fps)) for seed in range(number)]


def test_walls_block_coins_go_for_good_and_the_door_opens_with_the_last():
    states = play(GAME)
    assert [state.player for state in states] == [(0, 1), (1, 1), (1, 1), (1, 2), (2, 2), (3, 2), (3, 1), (4, 1), (4, 0), (4, 0)]
    assert [state.score for state in states] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    assert [state.open for state in states] == [False] * 5 + [True] * 5
    early = play(replace(GAME, moves=("up", "right", "down", "down", "down", "right", "right", "right", "up", "up", "up")))
    assert (3, 2) not in [state.player for state in early] and early[-1].player == (4, 1), "a closed door blocks"


def test_every_game_keeps_its_own_rules():
    for game in games(60):
        board, states = game.board, play(game)
        assert len({*board.walls, *board.coins, board.door, board.start}) == len(board.walls) + len(board.coins) + 2
        assert states[-1].score >= 1 and len(states) == len(game.moves) + 1 == 11
        for one, two in pairwise(states):
            step = (two.player[0] - one.player[0], two.player[1] - one.player[1])
            assert step in STEPS.values() and free(board, two.player, open=one.open)
            assert two.coins <= one.coins and two.score == len(board.coins - two.coins)
            assert one.coins - two.coins <= {two.player} and two.open == (not two.coins)


def test_a_seed_is_a_game_and_another_seed_another():
    assert sample_game(3) == sample_game(3)
    assert len({sample_game(seed) for seed in range(50)}) == 50
    assert sample_game(3, "paraphrase") != sample_game(3)


def test_no_game_drawn_for_training_is_held_out_and_splits_are_of_one_level():
    counted = "from yozora.world.game_sample import *; print(sum(bool(reserved_game(sample_game(seed))) for seed in range(1000)))"
    scan = [sys.executable, "-c", counted]  # without the shape checks of the tests
    assert subprocess.run(scan, capture_output=True, check=True, text=True).stdout == "0\n"
    for split in SPLITS[1:3]:
        assert all(game_levels(sample_game(seed, split)) == {split} for seed in range(20))


def test_about_an_eighth_of_all_looks_is_held_out_and_every_value_keeps_four_fifths():
    for level, name in [(level, name) for level, names in LOOKS.items() for name in names]:
        held, possible = held_looks(level, name), looks(name)
        assert 0.08 <= len(held) / len(possible) <= 0.13
        for place, axis in enumerate(name.split("-")):
            all_of, lost = (Counter(look[place] for look in group) for group in (possible, held))
            assert all(lost[value] <= 0.2 * all_of[value] for value in AXES[axis])
    triples = held_looks("triples", "player-theme-direction")
    assert not {(theme, player) for player, theme, _ in triples} & held_looks("pairs", "theme-player")


@pytest.mark.parametrize("arguments", [{"split": "test"}, {"board": (3, 9)}])
def test_what_makes_no_game_is_refused(arguments):
    with pytest.raises(ValueError, match="choose one of|at least 4"):
        sample_game(0, **arguments)


@pytest.mark.parametrize("size", [(20, 200), (32, 32)])
def test_a_picture_too_small_for_a_board_is_refused(size):
    with pytest.raises(ValueError, match="34 pixels"):
        board_size(size)
    with pytest.raises(ValueError, match="larger size"):
        draw(replace(GAME, board=replace(BOARD, columns=20, rows=20)), play(GAME), size, frames=1, fps=12)


@pytest.mark.parametrize("size", SIZES)
def test_pictures_have_the_asked_size_and_whole_boards(size):
    columns, rows = board_size(size)
    assert min(columns, rows + 1) == 8 and abs(columns / (rows + 1) - size[0] / size[1]) < 0.2
    (game,) = games(1, size)
    clip = draw(game, play(game), size, frames=7, fps=12)
    assert clip.shape == (7, size[1], size[0], 3) and clip.dtype == np.uint8


@pytest.mark.parametrize(("frames", "fps"), [(24, 8.0), (20, 10.0), (48, 24.0), (25, 12.0)])
def test_a_clip_ends_in_the_last_state_and_is_read_as_it_was_played(frames, fps):
    (game,) = games(1, frames=frames, fps=fps)
    states = play(game)
    seen = read(Video(draw(game, states, (128, 128), frames=frames, fps=fps), fps))
    assert (seen.theme, seen.player, seen.coin) == (game.theme, game.player, game.coin)
    for frame in range(frames):
        at = frame / fps * 4
        now, then = states[min(int(at + 1e-6), len(states) - 1)], states[min(int(at + 1e-6) + 1, len(states) - 1)]
        expected = np.array(now.player) + (at % 1) * (np.array(then.player) - now.player)
        assert abs(seen.places[frame] - expected).max() < 0.15 and seen.score[frame] == now.score
        for x, y in product(range(game.board.columns), range(game.board.rows)):
            assert seen.kinds[frame, y, x] in (HIDDEN, FIELD.index(kind_at(game, now, (x, y))))
    assert seen.score[-1] == states[-1].score


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_is_told_in_every_theme(theme):
    for player, coin in product(COLOURS, COLOURS):
        if player != coin:
            game = replace(games(1)[0], theme=theme, player=player, coin=coin)
            seen = read(Video(draw(game, play(game), (96, 96), frames=4, fps=12), 12))
            assert (seen.theme, seen.player, seen.coin) == (theme, player, coin)
            assert not np.isnan(seen.places).any()


@pytest.mark.parametrize("size", SIZES)
def test_true_clips_keep_every_rule_however_they_are_kept(size):
    """3 games of each of 8 sizes, each as drawn, with noise, through H.264 and halved in size: 96 clips, none with a violation."""
    for index, game in enumerate(games(3, size)):
        videos = trial(game, filmed(game, size), FPS, np.random.default_rng(index))
        for name in ("true", "noise", "H.264", "soft"):
            wrong = {rule: found.seen for rule, found in judge(videos[name], game).items() if not found.passed}
            assert not wrong, (name, game)


def test_each_fault_breaks_the_rule_that_forbids_it():
    """12 games with each fault for which they give occasion, at least 8 of each."""
    caught = {fault.__name__: [] for fault in FAULTS}
    for index, game in enumerate(games(12)):
        for fault, rule in FAULTS.items():
            frames = spoilt(fault, game, filmed(game, (128, 128)), np.random.default_rng(index))
            if frames is not None:
                broken = violations(read(Video(np.ascontiguousarray(frames), FPS)))
                caught[fault.__name__].append(bool(broken[rule].any()))
    assert set(FAULTS.values()) == set(RULES)
    assert all(len(seen) >= 8 and all(seen) for seen in caught.values()), caught


def test_a_frozen_clip_breaks_no_rule_but_does_not_what_was_asked():
    for index, game in enumerate(games(8)):
        found = judge(trial(game, filmed(game, (128, 128)), FPS, np.random.default_rng(index))["frozen"], game)
        assert all(found[name].passed for name in (*RULES, "looks"))
        assert not found["first"].passed and not found["final"].passed and found["first"].seen == "stay"


def test_another_games_caption_is_not_what_a_clip_shows():
    one = sample_game(FIRST_SEED)
    two = next(game for game in map(sample_game, range(99)) if game.first != one.first)
    video = Video(draw(one, play(one), (128, 128), frames=48, fps=12), 12)
    assert judge(video, one)["first"].passed and not judge(video, two)["first"].passed
    mirrored = Video(np.ascontiguousarray(video.frames[:, :, ::-1]), 12)
    turned = {"left": "right", "right": "left"}.get(one.first, one.first)
    assert judge(mirrored, one)["first"].seen == turned


def test_pictures_of_no_game_have_no_player():
    noise = Video(np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), np.uint8), 12)
    found = rules(read(noise))
    assert found["players"].value == 100 and not found["players"].passed
    assert rules(read(Video(np.full((3, 96, 96, 3), 128, np.uint8), 12)))["players"].value == 100


def test_a_coin_that_stays_under_the_player_is_a_fault():
    states = [replace(state, coins=BOARD.coins, score=0, open=False) for state in play(GAME)]
    video = Video(draw(GAME, states[:5], (96, 96), frames=20, fps=12), 12)
    reading = read(video, (5, 4))
    assert (reading.kinds == COINED).any() and violations(reading)["coins"].any()


def test_captions_say_what_is_played_at_three_lengths():
    for seed, game in enumerate(games(60)):
        said, end = caption_game(game, seed), play(game)[-1]
        assert len(said.short) < len(said.full) and said == caption_game(game, seed)
        for text in (said.sentence, said.full):
            assert any(word in text for word in COLOUR_WORDS[game.player]) and any(word in text for word in COLOUR_WORDS[game.coin])
        assert bool(re.search(r"\b(all|both)\b", said.sentence)) == (not end.coins)
        assert ("closed" in said.full or "shut" in said.full or "locked" in said.full or "not open" in said.full) == bool(end.coins)
        assert said.script[0].text == said.sentence and "{" not in said.full + said.short


def test_reserved_phrasings_are_never_said_in_training_and_each_group_has_one():
    groups = {"game short": SHORT, "game sentence": SENTENCE, "game opening": OPENINGS, "game deed": DEEDS, "game score": SCORES}
    groups |= {f"game door {end}": lines for end, lines in DOORS.items()}
    for name, lines in groups.items():
        held, said = permitted(name, lines, "paraphrase"), permitted(name, lines, "train")
        assert set(held) | set(said) == set(lines) and not set(held) & set(said)
    for seed, game in enumerate(games(60)):
        assert not any(map(reserved_phrase, caption_game(game, seed).phrasings))
        assert all(map(reserved_phrase, caption_game(game, seed, "paraphrase").phrasings))
