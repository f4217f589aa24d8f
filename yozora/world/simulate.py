"""A scene becomes a take: MuJoCo moves its bodies, and the camera frames what they do."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from yozora.world.framing import Action, frame, spread
from yozora.world.play import build
from yozora.world.ranges import FALL
from yozora.world.scene import Event, Scene
from yozora.world.stage import HEADING, STAY, Brush, Kick, Piece, Stage, extent
from yozora.world.take import Poses, Solid, Take, Trail, View

os.environ.setdefault("MUJOCO_GL", "disabled")  # the simulator alone; nothing here draws
import mujoco

RATE, BOUNCE_RATE, ROW_RATE = 240, 480, 120  # steps a second, at least; a row of slabs has many contacts and needs few steps
STIFFNESS = 200.0  # radians a second of a bouncing contact's spring
TIGHTER = (0.15, 0.3, 0.45, 0.6)  # metres
GEOMETRY = {"ball": "sphere", "cube": "box", "cylinder": "cylinder", "capsule": "capsule", "egg": "ellipsoid"}


def simulate(scene: Scene, *, frames: int, fps: float, aspect: float) -> Take:
    """What happens in `frames` frames of a scene, seen in a picture `aspect` times as wide as high."""
    stage = build(scene, frames / fps)
    solids = stage.solids
    poses, contacts = run(stage, len(solids), frames, fps)
    times = np.arange(frames) / fps
    view = shoot(scene, stage, poses, times, aspect)
    trails = tuple(trail(brush, solids[brush.index], poses, contacts, fps) for brush in stage.brushes)
    return Take(scene=scene, solids=solids, poses=poses, contacts=contacts, view=view, fps=fps, trails=trails)


def run(stage: Stage, num_solids: int, frames: int, fps: float) -> tuple[Poses, np.ndarray]:
    """Steps the simulator and records poses per frame and contacts per frame interval."""
    bouncing = any(piece.feel.bounce > 0 for piece in stage.objects + stage.loose)
    rate = BOUNCE_RATE if bouncing else ROW_RATE if len(stage.objects) > 3 else RATE
    substeps = -(-int(np.ceil(rate / fps)) // 4) * 4
    model = mujoco.MjModel.from_xml_string(describe(stage, 1 / (fps * substeps)))
    data = mujoco.MjData(model)
    geoms = np.array([model.geom(f"solid{index}").id for index in range(num_solids)])
    solid_of = np.full(model.ngeom, -1)
    solid_of[geoms] = np.arange(num_solids)
    record = Poses(
        position=np.zeros((frames, num_solids, 3), np.float32),
        rotation=np.zeros((frames, num_solids, 3, 3), np.float32),
        velocity=np.zeros((frames, num_solids, 3), np.float32),
        spin=np.zeros((frames, num_solids, 3), np.float32),
    )
    contacts: list[tuple[int, int, int]] = []
    pending = sorted(stage.kicks, key=lambda kick: kick.time)
    for index in range(frames):
        touched: set[tuple[int, int]] = set()
        chunk = 1 if data.eq_active.any() else 4  # steps between two looks at the contacts, less than a collision takes
        for part in range(substeps // chunk if index else 0):
            now = (index - 1 + part * chunk / substeps) / fps
            pending = release(model, data, pending, now)
            pull(model, data, stage)
            mujoco.mj_step(model, data, nstep=chunk)
            tear(data, stage)
            touched.update(touching(data, solid_of))
        pending = release(model, data, pending, index / fps)
        mujoco.mj_forward(model, data)
        touched.update(touching(data, solid_of))
        note(record, model, data, index, geoms)
        contacts += [(index, *pair) for pair in sorted(touched)]
    return record, np.array(contacts, np.int32).reshape(-1, 3)


def trail(brush: Brush, solid: Solid, poses: Poses, contacts: np.ndarray, fps: float) -> Trail:
    """The paint that an object leaves where it touches the floor."""
    path = poses.position[:, brush.index, :2].copy()
    wet = np.isin(np.arange(len(path)), contacts[(contacts[:, 1] == brush.index) & (contacts[:, 2] < 0), 0])
    path[~wet | (np.arange(len(path)) < brush.time * fps - 0.5)] = np.nan
    return Trail(colour=solid.colour, reach=brush.reach, path=path)


def describe(stage: Stage, step: float) -> str:
    """The stage in MuJoCo's own language."""
    count = len(stage.objects) + len(stage.props)
    fixed = [
        geom(piece.solid, index, piece, numbers("pos", piece.position) + frame_axes(piece))
        for index, piece in enumerate(stage.props, start=len(stage.objects))
    ]
    bodies = []
    for mover, piece in enumerate(stage.objects + stage.loose):
        loose = mover - len(stage.objects)
        index = mover if loose < 0 else len(stage.solids) - len(stage.loose) + loose
        shape = geom(piece.solid, index, piece, "")
        if piece.hinge is None:
            bodies.append(f'<body name="mover{mover}" {numbers("pos", piece.position)}{frame_axes(piece)}><freejoint/>{shape}</body>')
            continue
        pivot, axis = piece.hinge
        above = (piece.position - pivot) @ piece.rotation[:, 2] > 0
        down = f'pos="0 0 {float(np.linalg.norm(pivot - piece.position)) * (1 if above else -1)}"'
        parts = geom(piece.solid, index, piece, down)
        if piece.rider is not None:
            parts += geom(piece.rider, count, piece, f'pos="0 0 {-piece.rider.half[2]}" contype="0" conaffinity="0" mass="0.001"')
            count += 1
        joint = f'<joint type="hinge" {numbers("axis", axis)}/>'
        bodies.append(f'<body name="mover{mover}" {numbers("pos", pivot)}{frame_axes(piece)}>{joint}{parts}</body>')
    option = f'<option timestep="{step!r}" gravity="0 0 {-FALL}" cone="elliptic" iterations="20" tolerance="1e-7"/>'
    floor = '<geom name="floor" type="plane" size="50 50 1" friction="0.6 0.002 0.0001" condim="3"/>'
    welds = "".join(f'<weld body1="mover{weld.one}" body2="mover{weld.other}" solref="0.005 1"/>' for weld in stage.welds)
    return f"<mujoco>{option}<worldbody>{floor}{''.join(fixed)}{''.join(bodies)}</worldbody><equality>{welds}</equality></mujoco>"


def geom(solid: Solid, index: int, piece: Piece, more: str) -> str:
    """One geometry of the description."""
    size = {"ball": solid.half[:1], "cylinder": solid.half[1:], "capsule": solid.half[1:]}.get(solid.shape, solid.half)
    feel = piece.feel
    spring = 'contype="0" conaffinity="0" ' if piece.hollow else ""
    if feel.bounce:
        logarithm = np.log(feel.bounce)  # restitution e = exp(-pi zeta / sqrt(1 - zeta^2))
        zeta = -logarithm / np.hypot(np.pi, logarithm)
        spring += f'solref="{-(STIFFNESS**2)} {-2 * zeta * STIFFNESS}"'
    return (
        f'<geom name="solid{index}" type="{GEOMETRY[solid.shape]}" {numbers("size", size)} density="{feel.density}" '
        f'condim="{6 if feel.roll else 3}" {numbers("friction", (feel.slide, 0.002, feel.roll))} priority="{feel.rank}" {spring} {more}/>'
    )


def numbers(name: str, values: Iterable[float]) -> str:
    """An attribute of several numbers, to the last bit."""
    return f'{name}="{" ".join(repr(float(value)) for value in values)}"'


def frame_axes(piece: Piece) -> str:
    """The attribute that turns a body or geometry."""
    return " " + numbers("xyaxes", piece.rotation.T[:2].ravel())


def release(model: mujoco.MjModel, data: mujoco.MjData, pending: list[Kick], now: float) -> list[Kick]:
    """Gives each kick whose time has come, keeps held objects where they are, and returns the kicks still to come."""
    later = []
    for kick in pending:
        joint = model.body(f"mover{kick.index}").jntadr[0]
        place, motion = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
        free = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
        if kick.time > now + 1e-9:
            later.append(kick)
            if kick.held:
                data.qpos[place : place + (7 if free else 1)] = model.qpos0[place : place + (7 if free else 1)]
                data.qvel[motion : motion + (6 if free else 1)] = 0
        elif free:
            turned = np.zeros(9)
            mujoco.mju_quat2Mat(turned, data.qpos[place + 3 : place + 7])
            if kick.place is not None:
                data.qpos[place : place + 3] = kick.place
            data.qvel[motion : motion + 3] = kick.velocity
            data.qvel[motion + 3 : motion + 6] = turned.reshape(3, 3).T @ kick.spin  # MuJoCo keeps it in the body's own axes
    return later


def tear(data: mujoco.MjData, stage: Stage) -> None:
    """Takes away the welds that bear more than they can."""
    if not stage.welds:
        return
    held = data.efc_type == mujoco.mjtConstraint.mjCNSTR_EQUALITY
    force = np.sqrt(np.bincount(data.efc_id[held], data.efc_force[held] ** 2, len(stage.welds)))
    data.eq_active[force > [weld.limit for weld in stage.welds]] = 0


def pull(model: mujoco.MjModel, data: mujoco.MjData, stage: Stage) -> None:
    """Applies the springs."""
    for spring in stage.springs:
        body = model.body(f"mover{spring.index}")
        reached = float((data.xpos[body.id] - stage.objects[spring.index].position) @ spring.heading)
        force = body.mass[0] * spring.rate**2 * max(reached - spring.reach, 0.0)
        data.xfrc_applied[body.id, :3] = -force * spring.heading


def touching(data: mujoco.MjData, solid_of: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of solids in contact, the floor being -1 and second."""
    if data.ncon == 0:
        return set()
    pairs = np.sort(solid_of[data.contact.geom], axis=1)
    return {(a, b) if a >= 0 else (b, a) for a, b in set(map(tuple, pairs.tolist()))}


def note(record: Poses, model: mujoco.MjModel, data: mujoco.MjData, index: int, geoms: np.ndarray) -> None:
    """Writes one frame into the record."""
    record.position[index] = data.geom_xpos[geoms]
    record.rotation[index] = data.geom_xmat[geoms].reshape(-1, 3, 3)
    both = np.zeros(6)
    for row, number in enumerate(geoms.tolist()):
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_GEOM, number, both, 0)
        record.spin[index, row], record.velocity[index, row] = both[:3], both[3:]


def shoot(scene: Scene, stage: Stage, poses: Poses, times: np.ndarray, aspect: float) -> View:
    """The camera's path; around something that returns, the picture is drawn tighter until it is left."""
    shot = Shot(stage=stage, poses=poses, returns=[event for event in scene.events if event.kind == "return"])
    view = frame(shot.action(0.0), scene.camera, times, aspect)
    for tighter in TIGHTER:
        if shot.left(view, aspect):
            break
        view = frame(shot.action(tighter), scene.camera, times, aspect)
    return view


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What there is to see in a simulated scene, and which of its events leave the picture."""

    stage: Stage
    poses: Poses
    returns: list[Event]

    def action(self, tighter: float) -> Action:
        """Everything that moves freely in every frame, except where a returning object is outside, and the props' corners."""
        stage, position = self.stage, self.poses.position.astype(np.float64)
        solids, frames = stage.solids, len(position)
        behind = len(solids) - len(stage.loose)
        movers = [*range(len(stage.objects)), *(behind + i for i, piece in enumerate(stage.loose) if piece.hinge is None)]
        corners = np.broadcast_to(np.array(stage.corners).reshape(-1, 3), (frames, len(stage.corners), 3))
        centre = np.concatenate([position[:, movers], corners], axis=1)
        boxes = np.zeros((*centre.shape, 3))
        for place, index in enumerate(movers):
            boxes[:, place] = spread(solids[index], self.poses.rotation[:, index].astype(np.float64))
        seen = np.ones(centre.shape[:2], bool)
        side = 0
        for event in self.returns:
            limit = event.speed * STAY - tighter
            seen[:, event.actor] = self.gone(event) <= max(limit, 0.0)
            side = int(HEADING[event.direction][0])
        return Action(centre=centre, spread=boxes, seen=seen, side=side)

    def gone(self, event: Event) -> np.ndarray:
        """How far the actor is from its start, along its heading, in each frame."""
        return (self.poses.position[:, event.actor] - self.poses.position[0, event.actor]) @ np.array(HEADING[event.direction])

    def left(self, view: View, aspect: float) -> bool:
        """Whether each returning actor, where it turns round, is outside the picture."""
        for event in self.returns:
            far = int(self.gone(event).argmax())
            x, _, z = view.rotation[far] @ (self.poses.position[far, event.actor] - view.position[far])
            reach = extent(self.stage.objects[event.actor].solid)
            if (abs(x) - reach) * view.focal / aspect < max(-z, 0.1) * 1.04:
                return False
        return True
