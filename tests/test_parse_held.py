"""A text that names what is held out of training is found, and no true caption of a training scene is taken for one."""

import pytest

from yozora.train.pool import Pool
from yozora.train.retell import Reteller
from yozora.world.heldout import held_pairs, reserved
from yozora.world.parse_held import held_out
from yozora.world.sample import sample
from yozora.world.words import caption

SEEDS = range(86_000_000, 86_000_040)


def test_no_caption_of_a_training_scene_names_what_is_held_out():
    for seed in SEEDS:
        said = caption(sample(seed, "train"), seed)
        assert not held_out(said.full, whole=True), said.full
        assert not held_out(said.short, whole=False) and not held_out(said.sentence, whole=False)


@pytest.mark.parametrize("split", ["pairs", "triples"])
def test_full_captions_of_held_out_scenes_name_what_is_held_out(split):
    for seed in SEEDS:
        scene = sample(seed, split)
        assert held_out(caption(scene, seed).full, whole=True) == reserved(scene)


def test_a_reserved_pair_is_told_without_words(tmp_path):
    colour, shape = min(held_pairs("colour-shape"))
    wrong, right = f"there is a {colour} {shape}", "a red ball falls and bounces"
    pool = Pool(folder=tmp_path, size=1, block=1, make=lambda _: pytest.fail("nothing is made"))
    teller = Reteller(model=tmp_path, latents=pool, length="short")
    assert held_out(wrong, whole=False) == (f"pairs: colour-shape {colour} + {shape}",)
    assert teller.allowed(wrong) == "" and teller.allowed(right) == right


def test_how_many_things_there_are_is_read_from_whole_texts_alone():
    count, colour = next(pair for pair in sorted(held_pairs("count-colour")) if pair[0] == "1")
    assert held_out(f"a {colour} ball", whole=True) == (f"pairs: count-colour {count} + {colour}",)
    assert held_out(f"a {colour} ball", whole=False) == ()
