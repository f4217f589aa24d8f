"""Laws of placing a canvas: holes have no influence, sizes come back, what is given stays given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.canvas import Canvas, Grid, Kept
from yozora.vae import VideoVAE, bundled_vae_config, initialise
from yozora.vae.fill import fill
from yozora.vae.place import GIVEN_FRAMES, GIVEN_PARTS, crop, measure_partly_given, moved, place, reuse, token_start
from yozora.vae.seam import paste
from yozora.video import Video

CONFIG = replace(bundled_vae_config(), encoder_widths=(12, 12, 12), decoder_widths=(12, 12, 12), channels=4)
FRAMES, HEIGHT, WIDTH = 11, 72, 50


@pytest.fixture(scope="module")
def vae() -> VideoVAE:
    torch.manual_seed(0)
    return initialise(VideoVAE(CONFIG))


def grid(frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH) -> Grid:
    return Grid(frames=frames, height=height, width=width, cell=CONFIG.cell)


def canvas(start: np.ndarray, seed: int = 0, frames: int = FRAMES, kept: tuple[Kept, ...] = ()) -> Canvas:
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Canvas(given=Video(frames=pixels, fps=12), start=start.astype(np.float32), script=(), kept=kept)


def earlier(latents: np.ndarray, frame: int, frames: int = 9) -> Kept:
    return Kept(latents=latents, frame=frame, end=frame + frames, where=range(frame, frame + frames), vae="")


def starts() -> dict[str, np.ndarray]:
    box = np.zeros((FRAMES, HEIGHT, WIDTH))
    box[2:7, 10:50, 5:30] = 1
    first, prefix, key = (np.ones((FRAMES, 1, 1)) for _ in range(3))
    first[0], prefix[:5], key[7] = 0, 0, 0
    return {"first": first, "prefix": prefix, "suffix": prefix[::-1], "key": key, "box": box, "outside": 1 - box}


@pytest.mark.parametrize("name", starts())
def test_what_a_hole_holds_has_no_influence(vae: VideoVAE, name: str) -> None:
    one, other = canvas(starts()[name], seed=0), canvas(starts()[name], seed=1)
    keep = np.broadcast_to(one.start < 1, one.given.frames.shape[:3])
    same = np.where(keep[..., None], one.given.frames, other.given.frames)
    placed, again = place(vae, one, grid()), place(vae, replace(one, given=Video(frames=same, fps=12)), grid())
    assert torch.equal(placed.latents, again.latents) and torch.equal(placed.start, again.start)
    assert placed.latents.any() and placed.latents.isfinite().all()


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 32, 32), (2, 70, 34), (5, 33, 97), (12, 6, 8)])
def test_any_size_is_whole_tokens_and_comes_back(vae: VideoVAE, frames: int, height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    whole = Canvas(given=Video(frames=pixels, fps=12), start=np.zeros((1, 1, 1), np.float32), script=())
    size = grid(frames, height, width)
    placed = place(vae, whole, size)
    assert placed.latents.shape == (4, *size.cells) and placed.start.shape == size.tokens and not placed.start.any()
    decoded = vae.decode(placed.latents[None])[0]
    assert decoded.shape == (3, *size.padded)
    assert crop(np.zeros((*size.padded, 3), np.uint8), size).shape == pixels.shape


def test_a_given_clip_is_encoded_as_it_is(vae: VideoVAE) -> None:
    clip = canvas(np.zeros((1, 1, 1)), frames=9)
    clip = replace(clip, given=Video(frames=clip.given.frames[:, :64, :32], fps=12))
    signal = torch.from_numpy(clip.given.frames).float().permute(3, 0, 1, 2)[None] / 127.5 - 1
    placed = place(vae, clip, grid(9, 64, 32))
    assert torch.allclose(placed.latents, vae.encode(signal)[0], atol=1e-5)


def test_a_prefix_is_encoded_as_if_it_were_alone(vae: VideoVAE) -> None:
    start = np.ones((FRAMES, 1, 1))
    start[:5] = 0
    long, short = canvas(start), canvas(start)
    short = Canvas(given=Video(frames=short.given.frames[:5], fps=12), start=np.zeros((1, 1, 1), np.float32), script=())
    placed = place(vae, long, grid())
    assert torch.allclose(placed.latents[:, :2], place(vae, short, grid(5)).latents, atol=1e-5)
    assert not placed.start[:2].any() and (placed.start[2:] == 1).all() and not placed.latents[:, 2:].any()


def test_start_of_a_token() -> None:
    size = grid(9, 32, 64)
    start = np.zeros((9, 32, 64))
    start[1:5, :, :32] = 1  # a whole token invented
    start[5, 3, 40] = 1  # one pixel of a token
    start[6, :, :32] = 0.3  # restyled in part
    expected = np.array([[[0, 0]], [[1, 0]], [[0.3, GIVEN_PARTS]]], np.float32)
    assert np.array_equal(token_start(start, size), expected)
    start[5:7, :, 32:] = 1  # whole frames of a token
    assert token_start(start, size)[2, 0, 1] == np.float32(GIVEN_FRAMES)
    for level in (0, 0.4, 1):
        assert (token_start(np.full((1, 1, 1), float(level)), size) == np.float32(level)).all()
    nearly = np.full((9, 1, 1), 0.9)
    nearly[2] = 1
    assert token_start(nearly, size)[1, 0, 0] == np.float32(0.9)


def test_starts_grow_with_the_levels_of_pixels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        low = rng.choice([0, 0.5, 1], (9, 32, 64), p=[0.5, 0.4999, 0.0001])
        assert (token_start(np.minimum(low, 0.5), grid(9, 32, 64)) <= token_start(low, grid(9, 32, 64))).all()


def test_nothing_given_costs_nothing(vae: VideoVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vae, "encode", None)
    placed = place(vae, canvas(np.ones((1, 1, 1))), grid())
    assert (placed.start == 1).all() and not placed.latents.any()


def test_a_lone_still_is_repeated_in_its_cell() -> None:
    frames = np.arange(13, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    holes = np.ones((13, 4, 4), bool)
    holes[[0, 7]] = False
    assert fill(frames, holes, cell=4)[:, 0, 0, 0].tolist() == [0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7]
    assert (fill(frames, np.ones_like(holes), cell=4) == fill(frames + 1, np.ones_like(holes), cell=4)).all()


def test_filling_is_smooth_and_keeps_what_is_given() -> None:
    frames = np.full((1, 37, 53, 3), 60, np.uint8)
    frames[:, :, 26:] = 180
    holes = np.zeros((1, 37, 53), bool)
    holes[:, 5:30, 8:45] = True
    frames[holes] = 255
    filled = fill(frames, holes, cell=4)
    assert np.array_equal(filled[~holes], frames[~holes])
    assert filled[holes].min() >= 60 and filled[holes].max() <= 180
    assert abs(filled[0, 17, 9, 0].astype(int) - 60) < 25 and abs(filled[0, 17, 43, 0].astype(int) - 180) < 25


def test_kept_latents_are_used_where_they_lie_on_the_grid(vae: VideoVAE) -> None:
    start = np.ones((13, 1, 1))
    start[4:] = 0  # the earlier clip's frames 0.. lie at 4.., its cell 0 inside cell 1 of this clip
    size = grid(13)
    latents = np.random.default_rng(0).normal(size=(4, 3, *size.cells[1:])).astype(np.float32)
    clip = canvas(start, frames=13)
    placed, reused = place(vae, clip, size), place(vae, replace(clip, kept=(earlier(latents, 4),)), size)
    assert torch.equal(reused.latents[:, :2], placed.latents[:, :2]) and torch.equal(reused.start, placed.start)
    assert torch.equal(reused.latents[:, 2:], torch.from_numpy(latents[:, 1:]))
    head = place(vae, replace(canvas(np.zeros((1, 1, 1)), frames=13), kept=(earlier(latents, 0),)), size)
    assert torch.equal(head.latents[:, :3], torch.from_numpy(latents))
    with pytest.raises(ValueError, match="do not fit"):
        place(vae, replace(clip, kept=(earlier(latents[:, :, 1:], 4),)), size)


def test_what_was_made_beyond_a_clip_comes_with_it_unless_something_given_follows(vae: VideoVAE) -> None:
    size = grid(17)
    latents = np.random.default_rng(0).normal(size=(4, 4, *size.cells[1:])).astype(np.float32)
    kept = earlier(latents, 0, 10)  # its last cell stands for frames 9 to 12
    for invented, taken in ((range(10, 17), True), (range(10, 11), False), (range(10, 13), False), (range(10, 15), False)):
        start = np.zeros((17, 1, 1), np.float32)
        start[list(invented)] = 1
        found, levels = reuse(replace(canvas(start, frames=17), kept=(kept,)), size)
        assert (3 in found) == taken and {0, 1, 2} <= set(found)
        assert (levels[10:13].max() == 0) == taken and (levels[10] == 1) != taken


def test_latents_follow_a_change_of_pixels_and_others_stay(vae: VideoVAE) -> None:
    clips = [canvas(np.zeros((1, 1, 1)), seed=seed) for seed in (0, 1)]
    before, after = clips[0].given.frames, clips[0].given.frames.copy()
    after[5:9, :20] = clips[1].given.frames[5:9, :20]  # cell 2 alone
    latents = place(vae, clips[0], grid()).latents
    true = place(vae, replace(clips[0], given=Video(frames=after, fps=12)), grid()).latents
    changed = moved(latents, before, after, vae, grid())
    assert torch.allclose(changed[:, 2], true[:, 2], atol=1e-5) and not torch.allclose(changed[:, 2], latents[:, 2], atol=1e-3)
    assert torch.equal(changed[:, [0, 1, 3]], latents[:, [0, 1, 3]])
    assert moved(latents, before, before, vae, grid()) is latents


@pytest.mark.parametrize("name", starts())
def test_given_pixels_come_back_bit_for_bit(name: str) -> None:
    clip = canvas(starts()[name])
    decoded = np.random.default_rng(5).integers(0, 256, clip.given.frames.shape, dtype=np.uint8)
    before = decoded.copy()
    result = paste(decoded, clip)
    known = np.broadcast_to(clip.start == 0, result.shape[:3])
    assert np.array_equal(result[known], clip.given.frames[known])
    assert np.array_equal(decoded, before)
    assert np.array_equal(paste(clip.given.frames, clip), clip.given.frames)


def test_the_seam_takes_up_a_drift_of_colour_and_fades() -> None:
    start = np.zeros((9, 40, 64), np.float32)
    start[:, :, 32:] = 1
    start[5:] = 1
    given = Video(frames=np.full((9, 40, 64, 3), 100, np.uint8), fps=12)
    row = paste(np.full((9, 40, 64, 3), 120, np.uint8), Canvas(given=given, start=start, script=())).astype(int)
    assert (row[0, 20, :32, 0] == 100).all() and row[0, 20, 32, 0] < 106 and (row[0, 20, 48:, 0] == 120).all()
    assert (np.diff(row[0, 20, 32:, 0]) >= 0).all() and np.diff(row[0, 20, :, 0]).max() <= 5
    assert row[5, 20, 10, 0] < 110 and row[8, 20, 10, 0] > row[5, 20, 10, 0]


def test_fine_detail_is_carried_on_where_nothing_moves() -> None:
    texture = np.random.default_rng(0).integers(90, 110, (40, 64, 3), dtype=np.uint8)
    start = np.zeros((12, 1, 1), np.float32)
    start[4:] = 1
    decoded = np.full((12, 40, 64, 3), 100, np.uint8)
    decoded[4:, :, 32:] = 200  # something comes into the right half
    clip = Canvas(given=Video(frames=texture[None].repeat(12, 0), fps=8), start=start, script=())
    made = paste(decoded, clip).astype(int)
    left = np.abs(made[:, :, :28] - texture[:, :28]).mean(axis=(1, 2, 3))
    assert left[4] < 1 and (np.diff(left[4:]) > 0).all() and (made[4:, :, 36:] == 200).all()
    assert np.abs(np.diff(made[:, :, :28], axis=0)).max() <= 3
    another = decoded.copy()
    another[:, :, :32] = 220  # what was decoded of the given part is another picture: nothing of it is to haunt what follows
    assert (paste(another, clip)[5:, :, :20] == 220).all()
    backward = replace(clip, start=start[::-1].copy())
    assert np.array_equal(paste(decoded[::-1].copy(), backward), made[::-1])


def test_the_start_of_partly_given_tokens_can_be_measured(vae: VideoVAE) -> None:
    level = measure_partly_given(vae, [canvas(starts()["box"]), canvas(starts()["key"])], (1, 2, 2))
    assert 0 < level < 1
