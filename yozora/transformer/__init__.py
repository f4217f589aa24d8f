"""Tokens to velocity: the diffusion transformer, what other weights call its parts, and what a denoiser is."""
