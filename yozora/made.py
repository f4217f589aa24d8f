"""A video that was made here, and knows how."""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError

from yozora import sidecar
from yozora.canvas import Kept
from yozora.video import Video


@dataclass(frozen=True, eq=False)
class Made(Video):
    """A video, the facts that go into its file, and the latents that are kept beside it."""

    facts: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[Kept, ...] = ()

    def save(self, path: str | Path, metadata: Mapping[str, str] | None = None) -> Path:
        """Write the video as `Video.save` does, with its facts inside unless `metadata` is given, and its latents beside it.

        A row of pictures has no latents. Where they cannot be written the video is whole all the same, and this is said. Those of
        the file that is written over go with it.
        """
        before = _hash(Path(path))
        saved = super().save(path, self.facts if metadata is None else metadata)
        after = _hash(saved)
        if before and before != after:
            sidecar.beside(saved, before).unlink(missing_ok=True)
        if self.kept and after:
            try:
                sidecar.save(self.kept, saved, after)
            except (ValueError, OSError, SafetensorError) as error:
                warnings.warn(f"{saved} is made, but its latents could not be kept beside it: {error}", stacklevel=2)
        return saved


def _hash(clip: Path) -> str:
    """The hash of a file, empty where there is none."""
    if not clip.is_file():
        return ""
    with clip.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
