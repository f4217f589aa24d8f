"""Yozora: sentences, images and videos become videos.

`yozora.generate("a red ball bounces past a blue cube").save("clip.mp4")`
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yozora.pipeline import generate as generate
    from yozora.video import Video as Video

__version__ = "0.1.0"
__all__ = ["Video", "__version__", "generate"]
HOMES = {"Video": "yozora.video", "generate": "yozora.pipeline"}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for, so that `import yozora` costs nothing (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module 'yozora' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
