"""Cameras and microphones that stall, leave, come back and are swapped in one lecture: P4."""

import argparse
import dataclasses
import random
import time

import judge
from classroom import CAMERA, MICROPHONE, SCREEN, SHARE, Classroom
from delivered import Spans, decoded_tracks, judge_delivered
from machine import MachineError, until

BACK_WITHIN_S = 3.0
"""P4: from the device's return to its first frame in the track."""
STEADY_S = 5.0
"""What is recorded undisturbed before and after each fault."""
AWAY_S = 4.0
REFUSED_WITHIN_S = 20.0
BY_ITSELF = {"camera": 1, "screen": 0, "microphone": 0}
"""Frames that a simulated camera leaves out now and then, undisturbed, on a machine with slow timers."""
ONE_FRAME_S = {"camera": 1 / 15, "screen": 1 / 2, "microphone": 1024 / 48_000}
SOCKET = "/dev/camera-socket"
CAMERA_NODE, MICROPHONE_NODE = "/dev/video0", "/dev/snd/pcmC0D1c"


@dataclasses.dataclass
class Fault:
    """What was done to a source. Moments are uptimes in seconds."""

    name: str
    source: str
    began: float
    returned: float
    reason: str
    told: str
    wrong: list[str] = dataclasses.field(default_factory=list)


def prove(room: Classroom, options: argparse.Namespace, dice: random.Random) -> list[str]:
    del options, dice
    room.install(CAMERA.replace("/dev/video0", SOCKET) + SCREEN + MICROPHONE + SHARE)
    plug(room, 0)
    room.machine.run("systemctl restart lecternd")
    room.await_live()
    lecture = room.lectern("start --title 'Loose plugs'")
    room.await_recording(lecture, 1)
    faults = [
        unplugged(room, "microphone", "mic", MICROPHONE_NODE),
        unplugged(room, "camera", "camera", CAMERA_NODE),
        stalled(room),
        swapped(room),
        stranger(room),
    ]
    time.sleep(STEADY_S)
    room.lectern("stop")
    room.await_state(lecture, "delivered")
    ledger = room.ledger(lecture)
    tracks, broken = decoded_tracks(room, ledger, 1)
    base = ledger["runs"][0]["base_mono_ns"] / 1e9
    print("fault                 source       away s   back after s  other tracks' missing frames  said")
    for fault in faults:
        broken += judged(fault, tracks, base)
    return broken + judge_delivered(room, lecture, runs=1, stop=False)


def judged(fault: Fault, tracks: Spans, base: float) -> list[str]:
    """One row of the table, and what is broken in it."""
    began, end = fault.began - base - 1.0, fault.returned - base + BACK_WITHIN_S + 1.0
    hole = max(
        judge.holes(window(tracks[fault.source], began, end), 0.0),
        key=lambda at: at[1] - at[0],
        default=(0.0, 0.0),
    )
    back = hole[1] - (fault.returned - base)
    missing = {}
    for track, spans in tracks.items():
        if track != fault.source:
            # Half a frame is how far a single frame may come late without another one missing.
            gaps = judge.holes(window(spans, began, end), ONE_FRAME_S[track] / 2)
            missing[track] = sum(round((to - since) / ONE_FRAME_S[track]) for since, to in gaps)
    print(
        f"{fault.name:20}  {fault.source:10}  {hole[1] - hole[0]:7.2f}  {back:13.2f}  {str(missing):>30}"
        f"  {fault.reason}: {fault.told}"
    )
    broken = list(fault.wrong)
    if back > BACK_WITHIN_S:
        broken.append(f"P4: after '{fault.name}' the {fault.source} was back only after {back:.2f} s")
    broken += [
        f"P4: '{fault.name}' of the {fault.source} cost the {track} {frames} frames"
        for track, frames in missing.items()
        if frames > BY_ITSELF[track]
    ]
    return broken


def window(spans: list[tuple[float, float]], began: float, end: float) -> list[tuple[float, float]]:
    return [span for span in spans if began <= span[1] and span[0] <= end]


def away(room: Classroom, source: str) -> dict:
    """Waits until a source is not live, and returns what is said of it."""

    def gone() -> dict | None:
        now = room.source(source)
        return now if now and now["health"] != "live" else None

    return until(f"the {source} to be missed", gone)


def back(room: Classroom, source: str) -> None:
    until(f"the {source} to be back", lambda: room.source(source).get("health") == "live")


def born(room: Classroom, node: str) -> float:
    """Uptime at which a device's node was made."""
    text = room.machine.run(f"date +%s.%N; cut -d' ' -f1 /proc/uptime; stat -c %.9Y {node}")
    now, uptime, made = map(float, text.split())
    return uptime - (now - made)


def unplugged(room: Classroom, source: str, word: str, node: str) -> Fault:
    time.sleep(STEADY_S)
    began = room.machine.uptime()
    room.machine.device(f"unplug-{word}")
    said = away(room, source)
    time.sleep(AWAY_S)
    room.machine.device(f"replug-{word}")
    returned = born(room, node)
    back(room, source)
    return Fault("unplug and replug", source, began, returned, said["reason"], said["detail"])


def stalled(room: Classroom, name: str = "stall") -> Fault:
    """The driver gives errors until its user lets go of it."""
    time.sleep(STEADY_S)
    began = room.machine.uptime()
    restarts = room.source("camera")["restarts"]
    room.machine.device("stall-camera", "0")

    def again() -> dict | None:
        now = room.source("camera")
        return now if now.get("health") == "live" and now["restarts"] > restarts else None

    said = until("the camera to be started again", again)
    return Fault(name, "camera", began, began, said["reason"], said["detail"])


def swapped(room: Classroom) -> Fault:
    """The name of the socket leads to the other camera: the first one must be recorded on."""
    before = room.source("camera")["device"]
    plug(room, 1)
    fault = stalled(room, "plugs swapped")
    after = room.source("camera")["device"]
    plug(room, 0)
    if before != after:
        fault.wrong.append(f"P4: with the plugs swapped {after} was recorded and not {before}")
    return fault


def stranger(room: Classroom) -> Fault:
    """Another camera alone is in the socket, then the right one again."""
    time.sleep(STEADY_S)
    began = room.machine.uptime()
    room.machine.device("unplug-camera")
    away(room, "camera")
    cameras(room, "0x10,0x1")  # the first is a radio now, the second a camera of another identity
    try:
        said = until("the other camera to be refused", lambda: refused(room), patience=REFUSED_WITHIN_S)
        fault = Fault("other camera there", "camera", began, 0.0, said["reason"], said["detail"])
    except MachineError as error:
        fault = Fault("other camera there", "camera", began, 0.0, "not refused", str(error))
        fault.wrong.append(f"P4: another camera in the socket was not refused: {room.source('camera')}")
    time.sleep(AWAY_S)
    cameras(room, "0x1,0x1")
    fault.returned = born(room, CAMERA_NODE)
    back(room, "camera")
    return fault


def refused(room: Classroom) -> dict | None:
    now = room.source("camera")
    return now if now.get("reason") == "swapped" and now["health"] != "live" else None


def cameras(room: Classroom, kinds: str) -> None:
    """Loads the simulated cameras anew, as what `kinds` says."""
    room.machine.run(
        f"modprobe -r vivid && modprobe vivid n_devs=2 node_types={kinds} num_inputs=1,1 input_types=0,0"
        " num_outputs=0,0 no_error_inj=0"
    )


def plug(room: Classroom, camera: int) -> None:
    """Lets the name of the socket lead to one of the two cameras, as udev does for a plug in it."""
    room.machine.run(f"ln -sfn video{camera} {SOCKET}")
