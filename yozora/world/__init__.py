"""The physics world: words <-> scene -> simulate -> render -> caption. What is named here loads when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yozora.world.arrange import arrange as arrange
    from yozora.world.heldout import check_trainable as check_trainable
    from yozora.world.heldout import reserved as reserved
    from yozora.world.parse import parse as parse
    from yozora.world.render import render as render
    from yozora.world.sample import sample as sample
    from yozora.world.sample import scan as scan
    from yozora.world.scene import Scene as Scene
    from yozora.world.simulate import simulate as simulate
    from yozora.world.take import Take as Take
    from yozora.world.words import caption as caption

HOMES = {
    "Scene": "scene",
    "Take": "take",
    "arrange": "arrange",
    "caption": "words",
    "check_trainable": "heldout",
    "parse": "parse",
    "render": "render",
    "reserved": "heldout",
    "sample": "sample",
    "scan": "sample",
    "simulate": "simulate",
}
__all__ = ["Scene", "Take", "arrange", "caption", "check_trainable", "parse", "render", "reserved", "sample", "scan", "simulate"]


def __getattr__(name: str) -> object:
    """Load what is asked for; only `render` brings torch with it (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module 'yozora.world' has no attribute {name!r}")
    return getattr(import_module(f"yozora.world.{HOMES[name]}"), name)
