"""A student: low-rank additions that fit, leaps that end where the teacher gets, and clips that say by whom they were made."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from yozora.flow.schedule import shift_for, times_for
from yozora.flow.solver import solve, unipc
from yozora.model import Student, check_quality, leaps_of, load, maker, save
from yozora.order import Sampling
from yozora.patches import Words
from yozora.pipeline import render
from yozora.plan import choose_dtype
from yozora.recipes import debug
from yozora.tasks.generate import Generate
from yozora.tasks.request import Shot
from yozora.train.canvases import Mixture
from yozora.train.clips import ClipShape
from yozora.train.generator import Batching, Clip
from yozora.train.latents import grid_of
from yozora.train.stages import generator_task
from yozora.train.student import Leaps, StudentTask
from yozora.transformer import lora
from yozora.verbs import VERBS

CPU = torch.device("cpu")
SHOT = Shot(width=64, height=64, frames=9, fps=8.0)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Sequential(nn.Linear(5, 4)))


def random_additions(network: nn.Module, rank: int = 2) -> dict[str, torch.Tensor]:
    """Additions that change what a network says."""
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    return {
        name + end: torch.randn(*sides) / 4
        for name, layer in layers
        for end, sides in ((lora.DOWN, (rank, layer.in_features)), (lora.UP, (layer.out_features, rank)))
    }


@pytest.fixture(scope="module")
def taught(tiny_model, tmp_path_factory):
    """The folder of the tiny model with a student of two leaps that says something else."""
    model = load(str(tiny_model), CPU, torch.float32)
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("taught") / "tiny"
    save(replace(model, student=Student(leaps=2, additions=random_additions(model.transformer))), folder)
    return folder


def test_additions_are_nothing_at_first_learned_alone_and_merged_to_the_same(network):
    x = torch.randn(3, 6)
    before, state = network(x), {name: value.clone() for name, value in network.state_dict().items()}
    added = lora.adapt(network, 2)
    assert torch.equal(network(x), before)
    learned = [name for name, value in network.named_parameters() if value.requires_grad]
    assert len(learned) == 4 and all("parametrizations" in name for name in learned)
    optimizer = torch.optim.SGD(added.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        network(x).square().sum().backward()
        optimizer.step()
    after = network(x)
    assert not torch.allclose(after, before)
    tensors = lora.tensors_of(added)
    assert set(tensors) == {f"{layer}.lora_{side}.weight" for layer in ("0", "2.0") for side in "AB"}
    again = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Sequential(nn.Linear(5, 4)))
    again.load_state_dict(state)
    some = {name: value for name, value in tensors.items() if name.startswith("0")}
    mixed = tensors | random_additions(again[2], rank=3)
    assert lora.covers(again, 2, tensors) and not any(
        lora.covers(again, rank, kept) for rank, kept in ((3, tensors), (2, some), (2, mixed))
    )
    lora.merge(again, tensors)
    assert torch.allclose(again(x), after, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda tensors: {"9" + lora.DOWN: tensors["0" + lora.DOWN], "9" + lora.UP: tensors["0" + lora.UP]}, "no layer 9"),
        (lambda tensors: {name: value for name, value in tensors.items() if name != "0" + lora.UP}, "needs two matrices"),
        (lambda tensors: tensors | {"more": torch.zeros(1)}, "nothing else"),
        (lambda tensors: tensors | {"0" + lora.UP: torch.zeros(7, 2)}, "do not fit 0"),
        (lambda tensors: tensors | {"0" + lora.UP: torch.zeros(5)}, "do not fit 0"),
    ],
)
def test_additions_to_another_network_are_refused(network, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        lora.merge(network, change(random_additions(network)))
    with pytest.raises(ValueError, match="rank of at least 1"):
        lora.adapt(network, 0)


def test_leaps_lie_end_to_end_on_the_teachers_schedule():
    leaps = Leaps(leaps=3, fine=4)
    ways = [leaps.times(leap, 2.5) for leap in range(3)]
    assert [len(way) for way in ways] == [5, 5, 5] and [way[-1] for way in ways[:-1]] == [way[0] for way in ways[1:]]
    assert [way[0] for way in ways] + [ways[-1][-1]] == pytest.approx(times_for(3, 2.5))


def task_of(model, mixture, guidance: float = 1.0) -> StudentTask:
    """A student's task on one clip of random latents."""
    shape = ClipShape(frames=9, width=64, height=64, weight=1.0)
    grid = grid_of(model.vae.config, shape, model.transformer.config.patch)
    latents = torch.randn(model.vae.config.channels, *grid.cells).half()
    words = {"short": "a red ball", "sentence": "a red ball", "full": "a red ball", "script": []}
    recipe = debug.recipe()
    batching = Batching(shapes=(shape,), tokens=2 * grid.num_tokens, groups=1, seed=0, fps=8.0, mixture=mixture)
    widths = replace(recipe.generator.widths, patch=model.transformer.config.patch)
    recipe = replace(recipe, generator=replace(recipe.generator, batching=batching, widths=widths))
    posing = generator_task(recipe, model, lambda step, group, shape, count: [Clip(latents, None, words)] * count)
    return StudentTask(
        posing=posing,
        student=copy.deepcopy(model.transformer),
        leaps=Leaps(leaps=2, fine=3),
        sampling=Sampling(steps=6, guidance=guidance, guided=(0.4, 1.0)),
        rank=4,
        how=replace(recipe.student.optimization, rate=2e-2),
        show=lambda: pytest.fail("nothing is shown"),
    )


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_what_is_taught_leads_where_the_teacher_gets(tiny_model, guidance):
    """Each leap ends where the teacher's steps within it end, each clip guided only while its own highest level lies in the span."""
    model = load(str(tiny_model), CPU, torch.float32)
    task = task_of(model, Mixture(invent=1.0, given=0.0, levels=0.0), guidance)
    lesson = task.posing.lesson(
        0, 0, task.posing.batching.shapes[0], 2, lambda num, generator, shift: task.begin(task.leaps.times(0, shift), num)
    )
    tokens, words = task.posing.pack([lesson])
    start = torch.ones(2, lesson.lengths[0])
    start[1], start[0, :3], start[1, 4] = 0.6, 0.5, 0  # one clip begins lower, both not everywhere alike, and a token is given
    start = start.flatten()
    (low, high), shift, state = task.sampling.guided, shift_for(lesson.lengths[0]), lesson.values

    def guiding(x, level):
        toward = model.transformer(replace(tokens, values=x), level, words)
        states, lengths = model.text.encode([""] * 2)
        away = model.transformer(replace(tokens, values=x), level, Words(states=states, lengths=lengths, tokens=lesson.lengths))
        inside = [low <= part.max() <= high for part in level.split(lesson.lengths)]
        amount = torch.cat([torch.full((count,), guidance if one else 1.0) for one, count in zip(inside, lesson.lengths, strict=True)])
        return torch.where(amount[:, None] == 1, toward, away + amount[:, None] * (toward - away))

    stops = times_for(2, shift)
    for leap in range(2):
        level = stops[leap] * start
        target, velocity = task.taught(replace(lesson, values=state, level=level), task.leaps.times(leap, shift), tokens, words)
        assert torch.allclose(target, stops[leap + 1] * start, atol=1e-6)  # the very levels between which it is used
        times = task.leaps.times(leap, shift)
        within = [(time - times[-1]) / (times[0] - times[-1]) for time in times]
        reached = solve(guiding, state, level, within, unipc, target)
        state = state + (target - level)[:, None] * velocity
        assert torch.allclose(state, reached, atol=1e-4)
    assert (state != lesson.values).any(1).sum() == (start > 0).sum()


def test_a_student_is_used_between_the_levels_that_it_learned(taught, monkeypatch):
    """However high a canvas begins: its leaps are parts of the way from there, and none is left out."""
    model = load(str(taught), CPU, torch.float32).of("fast")
    seen, forward = [], type(model.transformer).forward
    monkeypatch.setattr(
        type(model.transformer), "forward", lambda self, tokens, level, *rest: (seen.append(level), forward(self, tokens, level, *rest))[1]
    )
    canvas = Generate(prompt="a red ball").canvas(SHOT)
    render([replace(canvas, start=np.full((1, 1, 1), 0.6, np.float32))], [0], Sampling.by(model.habits, "fast", 2), model)
    grid = grid_of(model.vae.config, ClipShape(frames=9, width=64, height=64, weight=1.0), model.transformer.config.patch)
    assert [round(level.max().item(), 5) for level in seen] == [
        round(0.6 * time, 5) for time in times_for(2, shift_for(grid.num_tokens))[:-1]
    ]


@pytest.mark.parametrize("stop", [0, 2])
def test_a_consistent_student_is_taught_by_a_step_of_its_teacher_and_then_by_itself(tiny_model, stop):
    """Whose own word is not asked at the last stop of a leap, where the teacher's step reaches the end."""
    model = load(str(tiny_model), CPU, torch.float32)
    task = task_of(model, Mixture(invent=1.0, given=0.0, levels=0.0))
    task.leaps = replace(task.leaps, consistent=True)
    for parameter in task.added.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    times = task.leaps.times(0, shift_for(36), stop)
    lesson = task.posing.lesson(0, 0, task.posing.batching.shapes[0], 1, lambda num, *_: task.begin(times, num))
    tokens, words = task.posing.pack([lesson])
    with torch.no_grad():
        target, wanted = task.taught(lesson, times, tokens, words)
        reached, between = lesson.values, lesson.level * (times[1] / times[0])
        first = model.transformer(tokens, lesson.level, words)
        change = (between - lesson.level)[:, None]
        second = model.transformer(replace(tokens, values=reached + change * first), between, words)
        reached = reached + change * (first + second) / 2
        rest = task.student(replace(tokens, values=reached), between, words)
    assert torch.allclose(target, lesson.level * (times[-1] / times[0]))
    end = reached - (between - target)[:, None] * rest  # nothing more at the last stop, where the span is empty
    assert torch.allclose(lesson.values - (lesson.level - target)[:, None] * wanted, end, atol=1e-4)
    assert (stop == 2) == torch.allclose(between, target)


@pytest.mark.parametrize("consistent", [False, True])
def test_a_student_learns_and_its_teacher_does_not(tiny_model, consistent):
    model = load(str(tiny_model), CPU, torch.float32)
    before = {name: value.clone() for name, value in model.transformer.state_dict().items()}
    task = task_of(model, Mixture(invent=0.4, given=0.3, levels=0.3))
    task.leaps = replace(task.leaps, consistent=consistent)
    optimizer = torch.optim.Adam(task.added.parameters(), lr=1e-2)
    losses = []
    for step in range(60):
        (loss,) = task.losses(step)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        losses.append(loss.value.item())
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])
    assert all(torch.equal(value, before[name]) for name, value in model.transformer.state_dict().items())


def test_a_fast_clip_is_the_students_and_says_so(taught, tmp_path):
    assert leaps_of(taught) == check_quality(taught, "fast") == 2
    made = {
        quality: VERBS["generate"]("a red ball", model=str(taught), frames=9, quality=quality) for quality in ("fast", "standard", "best")
    }
    assert len({clip.frames.tobytes() for clip in made.values()}) == 3
    assert made["fast"].facts["model"] == maker(taught, "fast") != made["standard"].facts["model"] == maker(taught, "best")
    model = load(str(taught), CPU, choose_dtype(CPU))
    (again,) = render([Generate(prompt="a red ball").canvas(SHOT)], [0], Sampling.by(model.habits, "fast", 2), model.of("fast"))
    assert (again.frames == made["fast"].frames).all()
    path = made["fast"].save(tmp_path / "fast.mp4")
    assert (VERBS["reproduce"](path).frames == made["fast"].frames).all()
    assert "student" not in {name.partition(".")[0] for name in load_file(taught / "transformer.safetensors")}


def test_a_student_belongs_to_its_transformer(taught, tiny_model, tmp_path):
    model = load(str(taught), CPU, torch.float32)
    for parameter in model.transformer.parameters():
        parameter += 1
    save(replace(model, student=None), tmp_path)
    assert not (tmp_path / "student.safetensors").exists() and leaps_of(tmp_path) == 0
    (tmp_path / "student.safetensors").write_bytes((taught / "student.safetensors").read_bytes())
    with pytest.raises(ValueError, match="was made for another transformer.safetensors"):
        load(str(tmp_path), CPU, torch.float32)
    (tmp_path / "student.safetensors").write_bytes((tiny_model / "text.safetensors").read_bytes())
    with pytest.raises(ValueError, match="does not say how many steps it takes"):
        VERBS["generate"]("a red ball", model=str(tmp_path), quality="fast")


def test_a_quality_that_a_model_lacks_is_refused_before_its_weights_are_loaded(tiny_model, taught, monkeypatch):
    monkeypatch.setattr("yozora.model.own.load_into", lambda *_: pytest.fail("weights were loaded"))
    with pytest.raises(ValueError, match="tiny has no student that would be fast; choose --quality standard, or train one"):
        VERBS["generate"]("a red ball", model=str(tiny_model), quality="fast")
    for option in ({"steps": 3}, {"guidance": 0.0}, {"negative": "a cube"}):
        with pytest.raises(ValueError, match=f"fast has its steps and guidance built in; leave out --{next(iter(option))}"):
            VERBS["generate"]("a red ball", model=str(taught), quality="fast", **option)
