"""How good a model of the physics world is, in one figure that nobody can pick: `yozora evaluate MODEL --suite world`.

Each case is made once, some of them several times, with noise that follows from the weights; whatever fails or crashes counts. Beside
some stand the render of the same scene and that render through the model's compression network: no model can be expected to do better.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from yozora.canvas import Canvas
from yozora.evaluate import judges, many
from yozora.evaluate.cases import Case, case, numbered
from yozora.evaluate.measures import record
from yozora.evaluate.report import Row, lines
from yozora.evaluate.thresholds import FROZEN
from yozora.evaluate.truth import squeeze, usual_shot
from yozora.model import Model, check_quality, find, habits_of, leaps_of, load
from yozora.order import Sampling
from yozora.pipeline import render
from yozora.plan import choose_device, choose_dtype
from yozora.quality import Quality
from yozora.video import Video

MODEL, THROUGH, RENDER = "the model", "renders through its VAE", "renders"
FILE = "world.jsonl"


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What is measured, where the records and clips go, and the seal that decides on the cases; it can be sent to another process.

    `places` are the levels and numbers of the cases, in place of those of the whole suite, and `rule` names how they were found; `shape`
    (width, height) is the clips', if it is not the model's own; of a case no more than `takes` are made. Raises ValueError for a quality
    that the model lacks.
    """

    model: str
    folder: Path
    seal: str
    quality: Quality = "standard"
    places: tuple[tuple[str, int], ...] = ()
    rule: str = ""
    shape: tuple[int, int] | None = None
    takes: int | None = None

    def __post_init__(self) -> None:
        check_quality(find(self.model), self.quality)

    @property
    def sampling(self) -> Sampling:
        """How the model's clips are made."""
        folder = find(self.model)
        return Sampling.by(habits_of(folder), self.quality, leaps_of(folder))

    def case(self, number: int) -> Case:
        """The case of a number."""
        shot = usual_shot(loaded(self.model))
        if self.shape:
            shot = replace(shot, width=self.shape[0], height=self.shape[1])
        return case(self.seal, *self.places[number], shot) if self.places else numbered(self.seal, number, shot)


@cache
def loaded(name: str, quality: Quality = "standard") -> Model:
    """A model as it makes clips of a quality, once in each process."""
    device = choose_device()
    return load(name, device, choose_dtype(device)).of(quality)


def seal_of(model: Model) -> str:
    """The seal of a model: its weights and the limits it is judged by."""
    return f"{model.digest} {FROZEN[:16]}"


def collect(exam: Exam, count: int, processes: int) -> list[Row]:
    """The records of the first `count` cases, those of an earlier run included; the model's clips are kept in `folder/clips`.

    Raises ValueError where the folder has records of other weights, another seal or other judges.
    """
    by = f"{loaded(exam.model, exam.quality).digest}/{exam.quality}"
    other = "".join(f", {name} {value}" for name in ("rule", "shape", "takes") if (value := getattr(exam, name)))
    digest = f"{by} under seal {exam.seal}, judged by {judges.digest()}{other}"
    return many.collect(exam.folder / FILE, digest, partial(examine, exam), count, processes)


def records(folder: Path) -> list[Row]:
    """The records of a run; raises ValueError for a folder that has none."""
    if not (folder / FILE).exists():
        raise ValueError(f"{folder} has no {FILE}; give the --out of a run of the world suite")
    return lines(folder / FILE)


def examine(exam: Exam, number: int) -> list[Row]:
    """The records of one case: of every clip that the model made of it, and of what is judged beside."""
    asked, model = exam.case(number), loaded(exam.model, exam.quality)
    request, shot = asked.request()
    began = time.monotonic()
    seeds = asked.seeds[: exam.takes]
    made = attempt(seeds, model, exam.sampling, request.canvas(shot))
    seconds = (time.monotonic() - began) / len(seeds)
    (exam.folder / "clips").mkdir(parents=True, exist_ok=True)
    common = {"case": number, "name": asked.name, "level": asked.level, "family": asked.scene.family, "prompt": asked.prompt}
    common |= {"size": [asked.shot.width, asked.shot.height], "seconds": round(seconds, 3)}
    common |= {"ways": [motion.direction for motion in asked.spec.motions], "strange": list(model.text.unknown(asked.prompt))}
    rows = []
    for take, (seed, (video, error)) in enumerate(zip(seeds, made, strict=True)):
        row = {**common, "kind": MODEL, "take": take, "seed": seed, "error": error, "scores": record(asked.applied({}))}
        if video:
            row |= verdict(asked, video) | {"frames": hashlib.sha256(video.frames.tobytes()).hexdigest()[:16]}
            video.save(clip_file(exam.folder / "clips", row), {"prompt": asked.prompt, "seed": str(seed)})
        rows.append(row)
    beside = {RENDER: asked.at_best}
    if len(seeds) > 1:
        beside[THROUGH] = asked.judge(squeeze([asked.truth], model.vae)[0])
    return rows + [{**common, "kind": kind, "take": 0, "seed": 0, "error": "", "scores": record(found)} for kind, found in beside.items()]


def clip_file(clips: Path, row: Row) -> Path:
    """Where the clip of a record lies."""
    return clips / f"{row['name']}-{row['take']}.mp4"


def verdict(case: Case, video: Video) -> Row:
    """The scores of a model's clip; a clip that cannot be judged fails like one that could not be made."""
    try:
        return {"scores": record(case.judge(video))}
    except Exception as failure:  # noqa: BLE001
        return {"error": f"cannot be judged: {type(failure).__name__}: {failure}"}  # as if it had not been made


def attempt(seeds: Sequence[int], model: Model, sampling: Sampling, canvas: Canvas) -> list[tuple[Video | None, str]]:
    """The clips that a model makes of a canvas, one from each seed; in place of one that it could not make, the reason."""
    made: list[tuple[Video | None, str]] = []
    for seed in seeds:
        try:
            made += [(video, "") for video in render([canvas], [seed], sampling, model)]
        except Exception as failure:  # noqa: BLE001  whatever goes wrong in a model is that model's failure
            made.append((None, f"{type(failure).__name__}: {failure}"))
    return made
