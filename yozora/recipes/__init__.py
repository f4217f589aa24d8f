"""Full runs: each module has a function `recipe` that returns a complete frozen configuration."""
