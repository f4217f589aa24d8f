"""Run the commands of the pages in docs/verbs/ and draw what they make: `python docs/strips.py [VERB ...]`.

Each page's own commands are run in a folder of their own, so that a page that does not work cannot be drawn. A strip has a row
for each clip that the commands make, in their order.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from yozora.video import Video
from yozora.video.sheet import sheet

PAGES = Path(__file__).with_name("verbs")
COLUMNS = 8  # frames shown of each clip
SIDE = 128  # pixels of a shown frame's height


def commands(page: Path) -> list[list[str]]:
    """The command lines of a page, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("yozora ")]


def made(command: list[str]) -> str:
    """The clip that a command writes."""
    if command[1:3] == ["world", "render"]:
        return f"{command[3]}/{int(command[command.index('--seed') + 1]):06d}.mp4"
    return command[command.index("-o") + 1]


def row(video: Video) -> np.ndarray:
    """Frames of a clip at even distances, all of one size; a picture stands alone."""
    shown = np.linspace(0, video.num_frames - 1, COLUMNS).round().astype(int)
    small = video.resized(max(2, round(video.width * SIDE / video.height / 2) * 2), SIDE)
    frames = small.frames[shown].copy()
    if video.num_frames == 1:
        frames[1:] = 255
    return frames


def draw(page: Path) -> Path:
    """Run a page's commands and write its strip."""
    with tempfile.TemporaryDirectory() as folder:
        for command in commands(page):
            print("$", shlex.join(command), flush=True)
            program = [sys.executable, "-c", "from yozora.cli import main; main()", *command[1:]]
            subprocess.run(program, cwd=folder, check=True)
        rows = [row(Video.load(Path(folder) / made(command))) for command in commands(page)]
    width = max(frames.shape[2] for frames in rows)
    rows = [np.pad(frames, ((0, 0), (0, 0), (0, width - frames.shape[2]), (0, 0)), constant_values=255) for frames in rows]
    return sheet(rows, COLUMNS).save(page.with_suffix(".png"))


if __name__ == "__main__":
    chosen = sys.argv[1:]
    for path in sorted(PAGES.glob("*.md")):
        if commands(path) and (not chosen or path.stem in chosen):
            print(draw(path))
