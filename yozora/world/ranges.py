"""The continuous quantities of a scene and the ranges they are drawn from, held-out bands included."""

SPEED = {  # of the actor when its event begins, in metres a second; of the first slab's top for a topple
    "drop": (0.3, 0.7),  # of one that bounces along
    "roll": (0.5, 1.0),
    "push": (0.8, 1.5),
    "topple": (0.7, 1.3),
    "hide": (0.75, 1.2),
    "return": (1.3, 1.9),
    "tower": (1.3, 2.1),
    "paint": (0.5, 1.0),
}
AMOUNT = {
    "drop": (0.4, 1.4),  # metres between the floor and the lowest point
    "slide": (18.0, 34.0),  # degrees of tilt
    "swing": (25.0, 50.0),  # degrees of amplitude
    "seesaw": (0.5, 1.0),  # metres between the plank's raised end and the lowest point
    "break": (0.8, 1.5),  # metres, as for a drop
    "pour": (0.6, 1.0),  # metres between the floor and the mouth of the spout
}
CAMERA_SPEED = {  # degrees a second; dolly: metres a second
    "pan": (1.5, 4.5),
    "tilt": (1.2, 3.2),
    "dolly": (0.15, 0.45),
    "orbit": (5.0, 14.0),
}
ELEVATION = (12.0, 34.0)  # of the camera, degrees
SUN = (22.0, 68.0)  # elevation of the sun, degrees
TONE = (0.30, 0.70)  # of the floor
COUNTS = range(1, 8)  # of objects; more than four only where a row topples
FALL = 9.81  # gravity, metres a second squared
