"""The renderer's laws: geometry, light, recognisable colours, and the same bits in any company."""

import colorsys
import dataclasses

import numpy as np
import pytest
import torch

from yozora.world.render import Look, render
from yozora.world.scene import COLOURS, FLOORS, MATERIALS, SHAPES, STYLES, TIMES, Camera, Floor, Light, Scene
from yozora.world.take import Poses, Solid, Take, Trail, View

SCENE = Scene(
    objects=(),
    events=(),
    camera=Camera(kind="static", direction="none", speed=0.0, azimuth=0.0, elevation=20.0),
    floor=Floor(kind="plain", tone=0.5, seed=0),
    light=Light(time="noon", azimuth=40.0, elevation=50.0),
    style="natural",
)
HALF = {
    "ball": (0.3, 0.3, 0.3),
    "cube": (0.25, 0.25, 0.25),
    "cylinder": (0.22, 0.22, 0.3),
    "capsule": (0.2, 0.2, 0.2),
    "egg": (0.22, 0.22, 0.34),
}
HUES = {name: colorsys.rgb_to_hsv(*rgb)[0] for name, rgb in COLOURS.items() if name not in ("white", "black")}


def sun(time: str, azimuth: float, elevation: float) -> Light:
    return Light(time=time, azimuth=azimuth, elevation=elevation)


def floor(kind: str, tone: float = 0.5, seed: int = 0) -> Floor:
    return Floor(kind=kind, tone=tone, seed=seed)


def solid(shape: str = "ball", colour: str = "red", material: str = "matte") -> Solid:
    return Solid(shape=shape, half=HALF[shape], colour=COLOURS[colour], material=material)


def look_at(target: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Rows right, up, backward of a camera at `eye`."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(right, forward), -forward))


def turned(angle: float) -> np.ndarray:
    """A rotation about an oblique axis."""
    axis = np.array((0.6, 0.0, 0.8))
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def take(solids=(), places=(), *, frames: int = 2, seed: int = 0, **changes) -> Take:
    """Solids that turn on the spot while the camera drifts to the right; `changes` are fields of the scene, or the first eye."""
    eye = changes.pop("eye", (0.0, -4.0, 1.6))
    scene = dataclasses.replace(SCENE, **changes)
    time, count = np.arange(frames), len(solids)
    eyes = np.array(eye) + time[:, None] * (0.05, 0.0, 0.0)
    position = np.broadcast_to(np.array(places, dtype=np.float32).reshape(1, count, 3), (frames, count, 3))
    rotation = np.stack([[turned(seed + 0.2 * t + i) for i in range(count)] for t in time]).reshape(frames, count, 3, 3)
    still = np.zeros((frames, count, 3), np.float32)
    view = View(
        position=eyes.astype(np.float32),
        rotation=np.stack([look_at(np.array((0.0, 0.0, 0.3)), eye) for eye in eyes]).astype(np.float32),
        focal=2.2,
    )
    poses = Poses(position=position, rotation=rotation.astype(np.float32), velocity=still, spin=still)
    return Take(scene=scene, solids=tuple(solids), poses=poses, contacts=np.zeros((0, 3), np.int32), view=view, fps=12.0)


def crowd(seed: int, style: str = "natural") -> Take:
    """Every shape, near enough to shade one another."""
    rng = np.random.default_rng(seed)
    solids = [solid(shape, list(COLOURS)[(seed + i) % 10], MATERIALS[i % 3]) for i, shape in enumerate(SHAPES)]
    places = [(0.55 * i - 1.1 + rng.uniform(-0.1, 0.1), rng.uniform(-0.8, 0.8), rng.uniform(0.3, 0.6)) for i in range(len(SHAPES))]
    light = sun(TIMES[seed % 4], rng.uniform(-120, 120), 40.0)
    return take(solids, places, seed=seed, style=style, floor=floor(FLOORS[seed % 6], seed=seed), light=light)


def pixel_of(drawn: Take, frame: int, point: np.ndarray, size: tuple[int, int]) -> tuple[float, float]:
    """Column and row at which the view shows a point."""
    x, y, z = drawn.view.rotation[frame] @ (point - drawn.view.position[frame])
    scale = drawn.view.focal * size[1] / 2 / -z
    return size[0] / 2 + x * scale, size[1] / 2 - y * scale


@pytest.mark.parametrize("size", [(160, 96), (96, 96), (96, 160), (240, 100)])
def test_a_ball_in_the_middle_is_round(size):
    mask = render([take([solid()], [(0.0, 0.0, 0.3)], frames=1)], size).masks[0, 0] == 0
    rows, columns = mask.nonzero(as_tuple=True)
    spread = (rows.double().std() / columns.double().std()).item()
    assert abs(spread - 1) < 0.03
    assert mask.sum() > 60


def test_the_view_projects_each_solid_into_its_mask():
    size = (128, 96)
    drawn = crowd(1)
    masks = render([drawn], size).masks[0].numpy()
    for frame in range(2):
        order = np.argsort(np.linalg.norm(drawn.poses.position[frame] - drawn.view.position[frame], axis=-1))
        assert masks[frame].max() < len(SHAPES)
        for index in order[:2]:  # the nearest are not hidden
            x, y = pixel_of(drawn, frame, drawn.poses.position[frame, index], size)
            assert masks[frame, int(y), int(x)] == index


def test_the_nearer_solid_hides_the_farther_one():
    solids, places = [solid("ball", "red"), solid("ball", "blue")], [(0.0, 0.0, 0.3), (0.1, 0.7, 0.3)]
    near_first = render([take(solids, places, frames=1)], (96, 96)).masks[0, 0]
    near_last = render([take(solids[::-1], places[::-1], frames=1)], (96, 96)).masks[0, 0]
    alone = render([take(solids[:1], places[:1], frames=1)], (96, 96)).masks[0, 0]
    assert ((near_first == 0) == (alone == 0)).all()
    assert ((near_first == 0) == (near_last == 1)).all() and ((near_first == 1) == (near_last == 0)).all()


def test_a_take_alone_equals_the_take_in_a_batch_and_again():
    takes = [crowd(seed, style) for seed, style in enumerate(("natural", "pencil", "natural", "neon night"))] + [take()]
    together = render(takes, (72, 56))
    for index, one in enumerate(takes):
        alone = render([one], (72, 56))
        assert torch.equal(alone.frames[0], together.frames[index])
        assert torch.equal(alone.masks[0], together.masks[index])


def test_shorter_passes_change_nothing(monkeypatch):
    whole = render([crowd(3), crowd(4)], (72, 56))
    monkeypatch.setattr("yozora.world.render.CHUNK", {"cpu": 72 * 56 * 3, "cuda": 0})
    monkeypatch.setattr("yozora.world.render.TILE", {"cpu": 72 * 56 * 2, "cuda": 0})
    parts = render([crowd(3), crowd(4)], (72, 56))
    assert torch.equal(whole.frames, parts.frames) and torch.equal(whole.masks, parts.masks)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shadow_lies_away_from_the_sun(shape):
    size, height = (128, 96), 0.9
    for azimuth in (-90.0, 30.0):
        lit = take([solid(shape)], [(0.0, 0.0, height)], frames=1, light=sun("noon", azimuth, 60.0))
        full = render([lit], size).frames[0, 0].float()
        plain = render([lit], size, look=Look(shadows=False)).frames[0, 0].float()
        dark = ((plain - full).sum(-1) > 40) & (render([lit], size).masks[0, 0] < 0)
        away = np.array((np.sin(np.deg2rad(azimuth)), np.cos(np.deg2rad(azimuth)), 0.0)) * height / np.tan(np.deg2rad(60.0))
        x, y = pixel_of(lit, 0, away, size)
        rows, columns = dark.nonzero(as_tuple=True)
        assert dark[int(y), int(x)]
        assert abs(columns.double().mean() - x) < 4 and abs(rows.double().mean() - y) < 4


def test_solids_shade_one_another():
    above = [solid("ball", "white"), solid("cube", "red")], [(0.0, 0.0, 0.3), (0.0, 0.0, 1.6)]
    light = sun("noon", 0.0, 88.0)
    with_roof = render([take(*above, frames=1, light=light)], (96, 96))
    without = render([take(above[0][:1], above[1][:1], frames=1, light=light)], (96, 96))
    ball = (with_roof.masks[0, 0] == 0) & (without.masks[0, 0] == 0)
    assert with_roof.frames[0, 0][ball].float().mean() < 0.8 * without.frames[0, 0][ball].float().mean()


def hue_distance(pixels: np.ndarray, hue: float) -> np.ndarray:
    hues = np.array([colorsys.rgb_to_hsv(*pixel)[0] for pixel in pixels / 255.0])
    return np.abs((hues - hue + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize("time", TIMES)
def test_every_colour_is_found_by_its_hue(time):
    """Three of every shape and material in a colour: most of the pixels of each are nearest to that colour's hue."""
    cases = [(shape, material) for shape in SHAPES for material in MATERIALS]
    places = [(0.9 * (i % 5) - 1.8, 0.9 * (i // 5) - 0.9, 0.32) for i in range(len(cases))]
    for colour in HUES:
        scene = take([solid(s, colour, m) for s, m in cases], places, eye=(0.0, -5.5, 3.4), frames=1, light=sun(time, 60.0, 40.0))
        drawn = render([scene], (160, 120))
        frame, mask = drawn.frames[0, 0].numpy(), drawn.masks[0, 0].numpy()
        for index in range(len(cases)):
            pixels = frame[mask == index]
            nearest = np.argmin([hue_distance(pixels, hue) for hue in HUES.values()], axis=0)
            assert (nearest == list(HUES).index(colour)).mean() > 0.6, (colour, cases[index])


@pytest.mark.parametrize("time", TIMES)
def test_white_is_bright_black_is_dark_and_floors_are_grey_between(time):
    pair = [solid("ball", "white"), solid("egg", "black")], [(-0.5, 0.0, 0.3), (0.5, 0.0, 0.3)]
    for kind in FLOORS:
        for tone in (0.3, 0.7):
            drawn = render([take(*pair, frames=1, floor=floor(kind, tone), light=sun(time, 40.0, 45.0))], (64, 48))
            frame, mask = drawn.frames[0, 0].float() / 255, drawn.masks[0, 0]
            assert frame[mask == 0].mean() > 0.6 and frame[mask == 1].mean() < 0.2
            below = frame[24:][mask[24:] < 0]
            saturation = (below.amax(-1) - below.amin(-1)) / below.amax(-1)
            assert saturation.quantile(0.95) < 0.2, (time, kind)
            assert below.quantile(0.25) > 0.12 and below.quantile(0.95) < 0.88, (time, kind, tone)


@pytest.mark.parametrize("style", ["pencil", "neon night", "watercolour"])
def test_styles_keep_hues(style):
    for colour, hue in HUES.items():
        scene = take([solid("ball", colour)], [(0.0, 0.0, 0.3)], frames=1, style=style)
        drawn = render([scene], (96, 96))
        pixels = drawn.frames[0, 0].numpy()[drawn.masks[0, 0].numpy() == 0]
        nearest = np.argmin([hue_distance(pixels, other) for other in HUES.values()], axis=0)
        assert (nearest == list(HUES).index(colour)).mean() > 0.6, (colour, hue)


def test_styles_differ_and_share_their_masks():
    drawn = [render([crowd(2, style)], (72, 56)) for style in STYLES]
    for one in drawn[1:]:
        assert torch.equal(one.masks, drawn[0].masks)
        assert (one.frames.float() - drawn[0].frames.float()).abs().mean() > 8


def test_a_plain_picture_has_one_floor_colour_per_row():
    scene = take(floor=floor("marble"))
    frame = render([scene], (64, 48), look=Look(shadows=False, textures=False)).frames[0, 0].float()
    assert (frame[24:] - frame[24:].mean(1, keepdim=True)).abs().max() < 3
    textured = render([scene], (64, 48)).frames[0, 0].float()
    assert (textured[24:] - textured[24:].mean(1, keepdim=True)).abs().max() > 8


def test_edges_are_averages_of_what_the_pixel_covers():
    ball = take([solid("ball", "white")], [(0.0, 0.0, 0.3)], frames=1, floor=floor("plain", 0.3), light=sun("overcast", 0.0, 60.0))
    drawn, large = (render([ball], (side, side)).frames[0, 0].double() for side in (64, 512))
    reference = large.view(64, 8, 64, 8, 3).mean((1, 3))
    assert (drawn - reference).abs().mean() < 2.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cpu_and_gpu_agree():
    takes = [crowd(seed, style) for seed, style in enumerate(STYLES)]
    here, there = render(takes, (128, 96)), render(takes, (128, 96), "cuda")
    near = (here.frames.int() - there.frames.cpu().int()).abs().amax(-1) <= 2
    assert near.float().mean() > 0.999 and (here.masks == there.masks.cpu()).float().mean() > 0.999


def test_takes_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one length at a time"):
        render([take(frames=1), dataclasses.replace(take(frames=2))], (32, 32))


def stroke(*path: tuple[float, float]) -> Trail:
    return Trail(colour=COLOURS["red"], reach=0.3, path=np.array(path, np.float32))


NOWHERE = (np.nan, np.nan)


def test_paint_shows_from_when_it_was_left_and_stays():
    bare = take([solid(colour="blue")], [(0.0, 1.0, 0.3)], frames=4)
    wet = dataclasses.replace(bare, trails=(stroke(NOWHERE, (-0.8, 0.0), (0.0, 0.0), NOWHERE),))
    clean, drawn = (render([one], (96, 96)) for one in (bare, wet))
    changed = (clean.frames != drawn.frames).any(-1)[0].numpy()
    assert changed.sum((1, 2)).tolist()[0] == 0 and (drawn.masks == clean.masks).all()
    for frame, places in ((1, [-0.8]), (2, [-0.8, -0.4, 0.0]), (3, [-0.8, -0.4, 0.0])):
        for x in (-0.8, -0.4, 0.0):
            column, row = pixel_of(wet, frame, np.array((x, 0.0, 0.0)), (96, 96))
            red, green, blue = drawn.frames[0, frame, int(row), int(column)].tolist()
            assert (red > 2 * max(green, blue)) == (x in places)


def test_paint_changes_nothing_beside_it_nor_in_other_takes():
    bare, other = crowd(3), crowd(4)
    far = dataclasses.replace(bare, trails=(stroke((40.0, 40.0), (40.0, 41.0)), stroke(NOWHERE, NOWHERE)))
    near = dataclasses.replace(bare, trails=(stroke((0.0, -1.0), (0.0, -1.0)),))
    plain = render([bare, other], (64, 64))
    assert torch.equal(render([far, other], (64, 64)).frames, plain.frames)
    painted = render([near, other], (64, 64)).frames
    assert torch.equal(painted[1], plain.frames[1])
    assert 0.01 < (painted[0] != plain.frames[0]).any(-1).float().mean() < 0.5


def test_what_lies_within_a_box_is_neither_seen_nor_a_shadow():
    box = dataclasses.replace(solid("cube", "white"), half=(0.4, 0.4, 0.4))
    place, inner = (0.0, 0.0, 0.4), dataclasses.replace(solid("ball", "red"), half=(0.1, 0.1, 0.1))
    alone, full = take([box], [place]), take([box, inner], [place, place])
    assert torch.equal(render([full], (64, 64)).frames, render([alone], (64, 64)).frames)
