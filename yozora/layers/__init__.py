"""What networks share: attention, norms, rotary positions."""
