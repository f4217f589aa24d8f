"""Requests become canvases: one small file for each thing that can be asked, none of them with torch in sight."""

from yozora.tasks.animate import Animate
from yozora.tasks.blend import Blend
from yozora.tasks.connect import Connect
from yozora.tasks.extend import Extend
from yozora.tasks.fill import Fill
from yozora.tasks.finish import Finish
from yozora.tasks.generate import Generate
from yozora.tasks.loop import Loop
from yozora.tasks.outpaint import Outpaint
from yozora.tasks.recut import Recut
from yozora.tasks.request import Request
from yozora.tasks.restyle import Restyle
from yozora.tasks.simulate import Simulate

TASKS: tuple[type[Request], ...] = (
    Generate,
    Animate,
    Extend,
    Connect,
    Loop,
    Fill,
    Outpaint,
    Restyle,
    Blend,
    Finish,
    Recut,
    Simulate,
)
