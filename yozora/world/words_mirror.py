"""What a text says of a clip, said of the clip in a mirror."""

import re

SIDES = {
    f"{side}{ending}": f"{other}{ending}" for side, other in (("left", "right"), ("right", "left")) for ending in ("", "ward", "wards")
}
SIDE = re.compile(rf"\b({'|'.join(SIDES)})\b(?! the\b)(?! and right\b)(?<!left and right)")


def mirrored(text: str) -> str:
    """A text with left and right exchanged; what "left the picture" and what swings "left and right" still does."""
    return SIDE.sub(lambda found: SIDES[found[0]], text)
