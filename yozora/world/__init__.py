"""The physics world: words <-> `Scene` -> `simulate` -> `Take` -> `render` -> pictures, and captions of it all.

Each step is the module of its own name (`from yozora.world.sample import sample`); only `render` needs torch, so nothing is
imported here.
"""
