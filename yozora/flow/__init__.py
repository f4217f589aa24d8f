"""Noise to data: the straight path between them, its schedule, the solvers that walk it, and guidance. No network here."""

from yozora.flow.guidance import guided
from yozora.flow.path import clean, draw_noise, mix
from yozora.flow.schedule import cut, draw_times, shift_for, shifted, times_for
from yozora.flow.solver import Step, Velocity, euler, heun, solve, states, unipc
from yozora.flow.stochastic import renewing, renoising, restarting

__all__ = [
    "Step", "Velocity", "clean", "cut", "draw_noise", "draw_times", "euler", "guided", "heun", "mix", "renewing", "renoising", "restarting",
    "shift_for", "shifted", "solve", "states", "times_for", "unipc",
]  # fmt: skip
