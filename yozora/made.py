"""A video that was made here, and knows how."""

import warnings
from collections.abc import Mapping
from contextlib import suppress
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
        the file that is written over go with it, unless a copy of it needs them.
        """
        path, before = Path(path), None
        with suppress(OSError):  # of a file that cannot be read, nothing tells which latents are its own
            before = sidecar.identity(path) if path.is_file() else None
        saved = super().save(path, self.facts if metadata is None else metadata)
        try:
            if self.kept and saved.is_file():
                sidecar.save(self.kept, saved, sidecar.identity(saved)[1])
            if before:
                sidecar.remove(saved, *before)
        except (ValueError, OSError, SafetensorError) as error:
            warnings.warn(f"{saved} is made, but the latents beside it could not be brought up to date: {error}", stacklevel=2)
        return saved
