"""Patches and packing lose nothing."""

import pytest
import torch

from yozora.patches import Words, pack, pack_words, patchify, unpack, unpatchify


def latents(channels, *cells, seed=0):
    return torch.randn(channels, *cells, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("patch", [(1, 2, 2), (2, 2, 2), (1, 1, 1), (1, 4, 2)])
def test_unpatchify_undoes_patchify(patch):
    clip = latents(3, 4, 8, 12)
    tokens = patchify(clip, patch)
    assert tokens.lengths == (4 * 8 * 12 // (patch[0] * patch[1] * patch[2]),)
    assert torch.equal(unpatchify(tokens.values, (4, 8, 12), patch), clip)


def test_coordinates_say_where_a_token_lies():
    clip = torch.stack(torch.meshgrid(*(torch.arange(n).float() for n in (3, 4, 6)), indexing="ij"))
    tokens = patchify(clip)
    corner = tokens.values.unflatten(1, (1, 2, 2, 3))[:, 0, 0, 0]  # the first cell of each patch holds its own place
    assert torch.equal(corner / torch.tensor([1, 2, 2]), tokens.coordinates.float())


def test_unpack_undoes_pack():
    clips = [patchify(latents(2, *cells, seed=n)) for n, cells in enumerate([(1, 2, 2), (3, 4, 6), (2, 2, 8)])]
    packed = pack([pack(clips[:2]), clips[2]])
    assert packed.lengths == (1, 18, 8)
    for clip, values, places in zip(clips, unpack(packed.values, packed.lengths), unpack(packed.coordinates, packed.lengths), strict=True):
        assert torch.equal(values, clip.values) and torch.equal(places, clip.coordinates)


def test_half_patches_are_refused():
    with pytest.raises(ValueError, match="whole tokens"):
        patchify(latents(2, 1, 3, 4))


def test_packed_words_keep_cues_and_what_was_prepared():
    def words(n):
        return Words(
            states=torch.full((n, 4), float(n)),
            lengths=(n,),
            tokens=(10 * n,),
            prepared=((torch.full((n, 2, 2), float(n)), torch.full((n, 2, 2), -float(n))),) * 3,
        )

    both = pack_words([words(2), words(3)])
    assert both.lengths == (2, 3) and both.tokens == (20, 30) and len(both.prepared) == 3
    assert all(
        torch.equal(keys[:, 0, 0], -values[:, 0, 0]) and torch.equal(keys[:, 0, 0], both.states[:, 0]) for keys, values in both.prepared
    )
