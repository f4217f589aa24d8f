"""Yozora: sentences, images and videos become videos.

`yozora.generate("a red ball bounces past a blue cube").save("clip.mp4")`
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yozora.captioning import caption as caption
    from yozora.verbs import Verb
    from yozora.video import Video as Video

    animate: Verb
    blend: Verb
    connect: Verb
    extend: Verb
    fill: Verb
    finish: Verb
    generate: Verb
    loop: Verb
    outpaint: Verb
    recut: Verb
    reproduce: Verb
    restyle: Verb
    simulate: Verb

__version__ = "0.1.0"
VERBS = (
    "animate",
    "blend",
    "connect",
    "extend",
    "fill",
    "finish",
    "generate",
    "loop",
    "outpaint",
    "recut",
    "reproduce",
    "restyle",
    "simulate",
)
__all__ = ["Video", "__version__", "caption", *VERBS]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for, so that `import yozora` costs nothing (PEP 562)."""
    if name in VERBS:
        return import_module("yozora.verbs").VERBS[name]
    if name == "caption":
        return import_module("yozora.captioning").caption
    if name == "Video":
        return import_module("yozora.video").Video
    raise AttributeError(f"module 'yozora' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
