"""How long the program takes to begin, and a clip from Enter to file: seconds, the fastest and the median of some rounds.

Run `python benchmarks/start.py` on a quiet machine; every line is a fresh process, and the rounds are interleaved.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "import torch": ("-c", "import torch"),
    "import yozora": ("-c", "import yozora"),
    "import yozora, and what generate needs": ("-c", "import yozora; yozora.generate; import yozora.pipeline"),
    "yozora --help": ("-m", "yozora", "--help"),
    "yozora generate, one clip of 4 s": ("-m", "yozora", "generate", "a red ball bounces past a blue cube", "-o", "clip.mp4"),
}
ROUNDS = 3


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)
                taken[name].append(time.perf_counter() - began)
                assert "generate" not in command or Path(folder, "clip.mp4").stat().st_size
    for name, seconds in taken.items():
        print(f"{name:40} first {seconds[0]:6.2f}  fastest {min(seconds):6.2f}  median {statistics.median(seconds):6.2f}")


if __name__ == "__main__":
    main()
