"""Clips of the physics world to weights: one plain loop, pure functions of (seed, step, rank), exact resume."""
