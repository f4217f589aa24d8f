"""What a user says of the world, read as `parse` reads it, but no longer in silence: strange words are named, and nonsense is refused."""

import warnings

from yozora.world.parse import Reading, nearest, parse


def understood(text: str) -> Reading:
    """What was understood of a text, with a warning for each strange word; raises ValueError where it names no thing."""
    reading = parse(text)
    if not reading.things:
        raise ValueError(f"{text[:100]!r} names nothing of this world; name a thing, such as 'a red ball'")
    for word in reading.unknown:
        guess = nearest(word)
        warnings.warn(f"the physics world does not know {word!r}" + (f"; did you mean {guess}?" if guess else ""), stacklevel=2)
    return reading
