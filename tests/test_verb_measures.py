"""The measures of edits: true clips of the world pass them, and each fails the cheap stand-in that it is there to catch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.evaluate import faults, trails
from yozora.evaluate.measures import judge
from yozora.evaluate.sight.track import look
from yozora.evaluate.truth import act, asked, film
from yozora.evaluate.verbs import borders, exposures, given, seams, surface
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.render import render
from yozora.world.sample import sample
from yozora.world.scene import COLOURS, Body, Camera, Event, Floor, Light, Scene
from yozora.world.sketch import sketch
from yozora.world.take import Take

SHOT = Shot(width=128, height=128, frames=17, fps=8)
WIDE = replace(SHOT, width=192)
CPU = torch.device("cpu")
SEAM = 8
STILL = ("static", "none", 0.0)
SEEDS = (81_000_007, 81_000_023)


def scene(actor: str = "red ball", other: str = "blue cube", way: str = "right", camera: tuple[str, str, float] = STILL) -> Scene:
    """One thing crosses the floor behind another."""
    bodies = [
        Body(shape=words.split()[1], colour=words.split()[0], size="large", material="glossy", x=x, y=y)
        for words, x, y in ((actor, -1.0 if way == "right" else 1.0, 0.7), (other, 0.3, -0.9))
    ]
    return Scene(
        objects=tuple(bodies),
        events=(Event(kind="roll", actor=0, target=-1, direction=way, speed=1.0, amount=0.0),),
        camera=Camera(kind=camera[0], direction=camera[1], speed=camera[2], azimuth=5.0, elevation=26.0),
        floor=Floor(kind="wood", tone=0.5, seed=3),
        light=Light(time="noon", azimuth=60.0, elevation=45.0),
        style="natural",
    )


def recoloured(take: Take, colour: str) -> Take:
    """The same motion, the actor in another colour."""
    solids = (replace(take.solids[0], colour=COLOURS[colour]), *take.solids[1:])
    bodies = (replace(take.scene.objects[0], colour=colour), *take.scene.objects[1:])
    return replace(take, scene=replace(take.scene, objects=bodies), solids=solids)


def filmed(take: Take, shot: Shot = SHOT) -> Video:
    return film([take], shot, CPU)[0]


def video(frames: np.ndarray) -> Video:
    return Video(np.ascontiguousarray(frames), SHOT.fps)


def mixed(first: Video, second: Video, weight: np.ndarray) -> Video:
    """Both at once, by a weight of the second in each frame."""
    share = weight[:, None, None, None]
    return video(np.rint(first.frames * (1 - share) + second.frames * share).astype(np.uint8))


def held(clip: Video) -> Video:
    return video(np.concatenate([clip.frames[:SEAM], np.repeat(clip.frames[SEAM - 1 : SEAM], SHOT.frames - SEAM, axis=0)]))


@pytest.fixture(scope="module")
def take() -> Take:
    """A red ball crosses the floor."""
    return act(scene(), SHOT)


@pytest.fixture(scope="module")
def clip(take) -> Video:
    """Its picture."""
    return filmed(take)


@pytest.fixture(scope="module")
def sight(clip):
    """What is seen of it."""
    return look(clip)


@pytest.fixture(scope="module")
def other() -> Take:
    """A green cylinder crosses it the other way."""
    return act(scene("green cylinder", "purple egg", "left"), SHOT)


def at_seam(clip: Video, seam: int) -> dict[str, bool]:
    """What passes at a seam."""
    seen = look(clip)
    return {
        "ratio": seams.seam_ratio(clip.frames, seam).passed,
        "steps": seams.largest_step(clip.frames).passed,
        "place": seams.place_through(seen, seam).passed,
        "motion": seams.motion_through(seen, seam).passed,
        "things": trails.none_born_or_lost(seen, (5, 12)).passed,
    }


def failed(verdicts: dict[str, bool]) -> set[str]:
    return {name for name, passed in verdicts.items() if not passed}


# Joins in time


@pytest.mark.parametrize("camera", [STILL, ("pan", "right", 3.0)])
def test_a_true_clip_has_no_seam(camera):
    assert not failed(at_seam(filmed(act(scene(camera=camera), SHOT)), SEAM))


def test_a_held_frame_is_a_seam(clip):
    assert {"ratio", "motion"} <= failed(at_seam(held(clip), SEAM))


def test_a_hard_cut_is_a_seam(clip):
    cut = video(np.concatenate([clip.frames[:SEAM], clip.frames[: SHOT.frames - SEAM]]))
    assert {"ratio", "steps", "place"} <= failed(at_seam(cut, SEAM))


def test_a_cross_dissolve_doubles_or_loses_what_it_dissolves(clip):
    ends = [video(np.repeat(clip.frames[at : at + 1], SHOT.frames, axis=0)) for at in (3, 14)]
    between = mixed(*ends, np.clip((np.arange(17.0) - 3) / 11, 0, 1)).frames
    dissolved = video(np.concatenate([clip.frames[:4], between[4:14], clip.frames[14:]]))
    assert {"motion", "things"} <= failed(at_seam(dissolved, 4))
    assert not exposures.double_exposure(dissolved, *ends).passed
    assert exposures.double_exposure(clip, *ends).passed


def test_what_stands_still_has_no_seam():
    noise = np.random.default_rng(0).integers(0, 2, (12, 16, 16, 3), np.uint8) * (np.random.default_rng(1).random((12, 16, 16, 1)) < 0.1)
    frames = (100 + noise).astype(np.uint8)
    assert seams.seam_ratio(frames, 6).passed and seams.largest_step(frames).passed
    frames[6:] += 8
    assert not seams.seam_ratio(frames, 6).passed and not seams.largest_step(frames).passed


def to_and_fro(take: Take) -> Video:
    """The ball goes to and fro, once in the length of the clip, and is on its way where the clip ends."""
    turn = 2 * np.pi * np.arange(SHOT.frames) / SHOT.frames
    position = take.poses.position.copy()
    position[:, 0, 0] = 0.2 * np.sin(turn) - 0.6
    return filmed(replace(take, poses=replace(take.poses, position=position)))


def test_a_true_loop_has_no_seam_and_a_clip_or_its_way_back_has_one(take, clip):
    verdicts = []
    back = video(np.concatenate([clip.frames[:9], clip.frames[8:0:-1]]))
    for one in (to_and_fro(take), clip, back):
        half = one.num_frames // 2
        verdicts.append(failed(at_seam(video(np.roll(one.frames, half, axis=0)), half)))
    assert not verdicts[0] & {"ratio", "steps", "place", "motion"}
    assert {"ratio", "place"} <= verdicts[1]
    assert "motion" in verdicts[2]


# What is given


def test_one_changed_pixel_is_found(clip):
    where = np.zeros(clip.frames.shape[:3], bool)
    where[:3] = True
    made = clip.frames.copy()
    made[3:] = 0
    assert given.kept_bits(clip.frames, made, where).passed
    made[1, 5, 5, 2] ^= 1
    assert not given.kept_bits(clip.frames, made, where).passed
    assert not given.kept_bits(clip.frames, made, ~where & where).passed  # nothing given is nothing kept


# Where things are


def test_another_look_keeps_its_places_and_other_motion_does_not(take, clip, sight, other):
    seen = look(filmed(recoloured(take, "orange")))
    assert trails.kept_by_place(sight, seen).passed
    assert trails.kept_by_place(sight, sight).value == 0
    wrong = [clip.frames[np.random.default_rng(0).permutation(SHOT.frames)], clip.frames[:, :, ::-1], filmed(other).frames]
    for frames in wrong:
        seen = look(video(frames))
        assert not trails.kept_by_place(sight, seen).passed


def test_the_input_itself_does_not_answer_new_words(take, clip):
    new = recoloured(take, "orange")
    spec = asked(new.scene, SHOT)
    assert exposures.answers(look(filmed(new)), spec).passed and not exposures.answers(look(clip), spec).passed


@pytest.mark.parametrize("seed", SEEDS)
def test_the_engine_knows_where_things_are(seed):
    filming = act(sample(seed), SHOT)
    assert trails.engine_error(filming, look(filmed(filming))).passed


def test_a_held_clip_and_another_do_not_go_the_engines_way(take, clip, other):
    assert not trails.engine_error(take, look(held(held(clip)))).passed
    assert not trails.engine_error(take, look(filmed(other))).passed


def test_what_grows_in_a_span_has_not_kept_its_form(take, clip, sight):
    larger = replace(take.solids[0], half=tuple(1.5 * side for side in take.solids[0].half))
    grown = filmed(replace(take, solids=(larger, *take.solids[1:])))
    made = look(video(np.concatenate([clip.frames[:SEAM], grown.frames[SEAM:]])))
    assert trails.same_form(sight, (SEAM, SHOT.frames)).passed and not trails.same_form(made, (SEAM, SHOT.frames)).passed


# Regions and borders


def test_what_is_filled_is_new_inside_and_old_outside(take, clip, sight):
    drawn = render([take], (SHOT.width, SHOT.height)).masks[0].numpy() == 0
    rows, columns = (np.flatnonzero(drawn.any(axis)) for axis in ((0, 2), (0, 1)))
    region = np.zeros_like(drawn)
    region[:, max(rows[0] - 8, 0) : rows[-1] + 9, max(columns[0] - 8, 0) : columns[-1] + 9] = True
    other = filmed(recoloured(take, "yellow"))
    made = video(np.where(region[..., None], other.frames, clip.frames))
    assert given.kept_bits(clip.frames, made.frames, ~region).passed and borders.replaced(look(made), region, "yellow", "red").passed
    assert not borders.replaced(sight, region, "yellow", "red").passed
    both = video(np.where(region[..., None] & (np.arange(SHOT.frames) % 2 == 0)[:, None, None, None], other.frames, clip.frames))
    assert not borders.replaced(look(both), region, "yellow", "red").passed
    elsewhere = np.roll(region, 64, axis=1) & ~region
    assert not borders.replaced(look(made), elsewhere, "yellow", "red").passed


@pytest.fixture(scope="module")
def wide() -> tuple[Video, np.ndarray]:
    """A ball crosses a wide picture under a turning camera, and the middle that was given of it."""
    inside = np.zeros((WIDE.height, WIDE.width), bool)
    inside[:, 60:132] = True
    return filmed(act(scene(camera=("pan", "right", 4.0)), WIDE), WIDE), inside


def test_a_wider_picture_has_no_border(wide):
    true, inside = wide
    assert borders.roundness(look(true), ~inside, "red").passed
    assert borders.border_seam(true, inside).passed
    assert borders.same_camera(look(true), inside).passed


def test_stretching_repeating_or_holding_the_border_is_seen(wide):
    true, inside = wide
    middle = video(true.frames[:, :, 60:132])
    assert not borders.roundness(look(middle.resized(WIDE.width, WIDE.height)), ~inside, "red").passed
    repeated = video(np.pad(middle.frames, ((0, 0), (0, 0), (60, 60), (0, 0)), mode="edge"))
    assert not borders.border_seam(repeated, inside).passed
    black = video(np.where(inside[..., None], true.frames, 0).astype(np.uint8))
    assert not borders.border_seam(black, inside).passed
    still = video(np.where(inside[..., None], true.frames, true.frames[:1]))
    assert not borders.same_camera(look(still), inside).passed


# One clip into another


def test_a_thing_that_turns_into_another_is_a_blend(take, clip):
    new = recoloured(take, "cyan")
    second = filmed(new)
    made = mixed(clip, second, np.clip((np.arange(17.0) - 5) / 6, 0, 1))
    assert not failed(blended(made, (clip, take), (second, new)))


@pytest.mark.parametrize(("weight", "fault"), [(np.linspace(0, 1, 17), "double"), ((np.arange(17) >= 8).astype(float), "steps")])
def test_a_dissolve_and_a_cut_are_no_blends(take, clip, other, weight, fault):
    second = filmed(other)
    assert fault in failed(blended(mixed(clip, second, weight), (clip, take), (second, other)))


def test_both_clips_at_once_are_no_blend(take, clip, other):
    drawn = render([other], (SHOT.width, SHOT.height)).masks[0].numpy() >= 0
    second = filmed(other)
    together = video(np.where(drawn[..., None], second.frames, clip.frames))
    assert {"double", "together", "first", "last"} <= failed(blended(together, (clip, take), (second, other)))


def blended(made: Video, first: tuple[Video, Take], second: tuple[Video, Take]) -> dict[str, bool]:
    """What passes of one clip that turns into another."""
    specs = [asked(take.scene, SHOT) for _, take in (first, second)]
    third, double = SHOT.frames // 3, exposures.double_exposure(made, first[0], second[0])
    return {
        "first": exposures.answers(look(video(made.frames[:third])), specs[0]).passed,
        "last": exposures.answers(look(video(made.frames[-third:])), specs[1]).passed,
        "double": double is None or double.passed,
        "together": exposures.shown_together(made, *specs).passed,
        "steps": seams.largest_step(made.frames).passed,
    }


# Drafts and sketches


def test_an_enlarged_draft_is_not_finished(take, clip):
    inside = render([take], (SHOT.width, SHOT.height)).masks[0].numpy() >= 0
    enlarged = clip.resized(64, 64).resized(128, 128)
    sharper = mixed(enlarged, clip, np.full(SHOT.frames, 0.5))
    assert given.beats(clip.frames, sharper.frames, enlarged.frames, inside).value == pytest.approx(20 * np.log10(2), abs=0.2)
    assert given.beats(clip.frames, clip.frames, enlarged.frames, inside).passed
    assert not given.beats(clip.frames, enlarged.frames, enlarged.frames, inside).passed


@pytest.mark.parametrize("time", ["noon", "overcast"])
def test_a_sketch_is_not_painted(time):
    lit = scene()
    filming = act(replace(lit, light=replace(lit.light, time=time)), SHOT)
    true, plain = filmed(filming), video(sketch([filming], (SHOT.width, SHOT.height))[0].numpy())
    known = surface.stage(filming, (SHOT.width, SHOT.height))
    for measure in (surface.texture, surface.shadow, surface.shine)[: 3 if time == "noon" else 2]:  # without a sun little shines
        assert measure(true, known).passed and not measure(plain, known).passed, measure.__name__


def test_shadows_on_the_wrong_side_are_none(take, clip):
    light = take.scene.light
    turned = replace(take, scene=replace(take.scene, light=replace(light, azimuth=light.azimuth + 180)))
    assert not surface.shadow(clip, surface.stage(turned, (SHOT.width, SHOT.height))).passed


# The asked motion


@pytest.mark.parametrize("fault", [faults.freeze, faults.shuffle])
def test_a_frozen_or_shuffled_clip_does_not_do_what_was_asked(take, clip, sight, fault):
    spec = asked(take.scene, SHOT)
    assert judge(sight, spec)["all"].passed
    made = video(fault(clip.frames, np.random.default_rng(0)))
    assert seams.in_order(clip.frames).passed and not seams.in_order(made.frames).passed
    assert fault is faults.shuffle or not judge(look(made), spec)["direction"].passed  # the way across may survive disorder


def test_another_clip_does_not_answer_the_words(sight, other):
    scores = judge(sight, asked(other.scene, SHOT))
    assert not any(scores[name].passed for name in ("colours", "shapes", "direction"))
