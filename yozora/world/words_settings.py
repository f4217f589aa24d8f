"""The phrasings around what happens: how it is shown, who stands by, camera, floor, light and style. `grammar` says what the marks mean."""

FRAMES = {  # by the mood of the clause
    "participle": (
        "a video of {clause}",
        "a clip of {clause}",
        "a shot of {clause}",
        "footage of {clause}",
        "a clip showing {clause}",
        "a short film of {clause}",
        "an animation of {clause}",
        "a scene with {clause}",
        "a view of {clause}",
        "video of {clause}",
        "it shows {clause}",
    ),
    "bare": (
        "watch {clause}",
        "we see {clause}",
        "see {clause}",
        "you can see {clause}",
        "we watch {clause}",
        "the viewer can see {clause}",
        "look, we see {clause}",
    ),
    "present": ("in this clip {clause}", "here {clause}", "in this video {clause}", "in a short video {clause}", "now {clause}"),
    "progressive": ("in this clip {clause}", "here {clause}", "in this video {clause}", "in the shot {clause}"),
    "past": ("in this clip {clause}", "in the video {clause}", "in the shot {clause}"),
}

PAST = {  # how the action lies to the bystanders
    "past": ("past {o}",),
    "near": ("next to {o}", "beside {o}", "near {o}", "close to {o}", "by the side of {o}", "not far from {o}"),
    "behind": ("behind {o}", "in back of {o}", "on the far side of {o}"),
    "front": ("in front of {o}", "on the near side of {o}", "before {o}"),
    "left": ("to the left of {o}", "on the left of {o}", "left of {o}"),
    "right": ("to the right of {o}", "on the right of {o}", "right of {o}"),
    "with": ("with {o} nearby", "with {o} standing by", "with {o} in view", "with {o} around"),
}
BYSTANDERS = (  # said after the clause
    "while {o} [&WAIT]",
    "while {o} [&STAND] nearby",
    ", with {o} [%STAND] nearby",
    ", and {o} [&stand] there",
    "while {o} [&STAND] close by",
    ", with {o} [%WAIT]",
    "as {o} [&stay] in place",
    ", and nearby [&STAND] {o}",
    ", {o} [%STAND] beside it",
    "while {o} [&be] at rest",
    ", with {o} in the scene",
    "while {o} [&do] not move",
)
BYSTANDERS_SENTENCE = (  # of its own
    "{o} [&WAIT] nearby",
    "nearby [&STAND] {o}",
    "there [&be] also {o}",
    "{o} [&STAND] on the floor",
    "also in view [&be] {o}",
    "{o} [&do] not move",
    "close by [&STAND] {o}",
    "we also see {o}",
)
THINGS = (  # all that is there
    "there [&be] {o}",
    "{o} [&be] in the scene",
    "the scene [1~have] {o}",
    "we see {o}",
    "the scene [1~show] {o}",
    "in the scene [&be] {o}",
    "the scene [1~contain] {o}",
    "{o} can be seen",
    "the video [1~show] {o}",
)

CAMERA_AFTER = (
    "while the camera {camis} {campace}",
    "as the camera {camis} {campace}",
    ", the camera {caming} {campace}",
    "with the camera {caming} {campace}",
    ", camera {caming} {campace}",
    ", and the camera {camis} {campace}",
    ", filmed by a camera {caming} {campace}",
    "as the view {camis} {campace}",
    ", seen by a camera {caming} {campace}",
    ", with a camera that {camis} {campace}",
)
CAMERA_BEFORE = (
    "the camera {camis} {campace} as {clause}",
    "the camera {camis} {campace} while {clause}",
    "as the camera {camis} {campace}, {clause}",
    "with the camera {caming} {campace}, {clause}",
    "{campace!} the camera {camis} while {clause}",
    "the view {camis} {campace} as {clause}",
    "while the camera {camis} {campace}, {clause}",
)
CAMERA_SENTENCE = (
    "the camera {camis} {campace}, {high}",
    "the camera {camis} {campace}",
    "{campace!}, the camera {camis}",
    "the view {camis} {campace}, {high}",
    "we watch with a camera {caming} {campace}, {high}",
    "it is filmed by a camera that {camis} {campace}, {high}",
    "all the while the camera {camis} {campace}, {high}",
    "meanwhile the camera {camis} {campace}, {high}",
    "a camera {caming} {campace} films it, {high}",
    "{high!}, the camera {camis} {campace}",
)
STATIC_AFTER = (
    ", static camera",
    ", static shot",
    ", filmed by a fixed camera",
    "while the camera stays still",
    ", the camera not moving",
    ", seen from a fixed camera",
    ", with a still camera",
)
STATIC_SENTENCE = (
    "the camera stays still, {high}",
    "the camera does not move, {high}",
    "it is filmed by a fixed camera, {high}",
    "the camera is static, {high}",
    "it is a static shot, {high}",
    "a still camera films it, {high}",
    "the view does not change, {high}",
    "the camera stands still, {high}",
)
ELEVATIONS = {
    "high": ("seen from above", "looking from above", "at a high angle"),
    "low": ("from a low angle", "seen from near the floor", "at a low angle"),
}

FLOOR_AFTER = ("on {floor}", ", on {floor}")
PLACE_AFTER = {
    "floor": FLOOR_AFTER,
    "light": ("{light}", ", {light}"),
    "style": (", {style}", "{style}"),
}
PLACE_BEFORE = (
    "{light!}, {clause}",
    "on {floor!}, {clause}",
    "{light!} {clause}",
    "on {floor!} {clause}",
    "on {floor!} {light!}, {clause}",
    "{light!} on {floor!}, {clause}",
)
PLACE_SENTENCE = (
    "it happens on {floor!} {light!}, {style!}",
    "the floor is {made!}, and it is seen {light!}, {style!}",
    "all of it is on {floor!} {light!}, {style!}",
    "the ground is {made!}, and it is filmed {light!}, {style!}",
    "the scene is set on {floor!} {light!}, {style!}",
    "{light!}, on {floor!}, {style!}",
    "we are on {floor!} {light!}, {style!}",
    "this takes place on {floor!} {light!}, {style!}",
    "the floor is {made!}, all seen {light!}, {style!}",
)
LAYOUTS = (
    "{things}. {deed}. {camera}. {place}",
    "{things}. {camera}. {deed}. {place}",
    "{place}. {things}. {deed}. {camera}",
    "{deed}. {others}. {camera}. {place}",
    "{deed}. {others}. {place}. {camera}",
    "{place}. {deed}. {others}. {camera}",
    "{camera}. {deed}. {others}. {place}",
    "{things}. {place}. {deed}. {camera}",
)
