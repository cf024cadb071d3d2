"""The disk fills in mid-lecture, down to the reserve and to the last byte: P8."""

import argparse
import random
import time

import judge
from classroom import CAMERA, MICROPHONE, SCREEN, Classroom
from delivered import decoded_tracks, whole
from machine import MachineError, until

RESERVE = 64 << 20
WITHIN_S = 20.0
"""From the full disk to the sentence about it and to the stop, on a machine that may be slow."""
RECORDED_S = 12.0
BEFORE_FULL_S = 1.5
"""What a track may lack of the time until the disk was full: `sync_every` and half a second."""
TELLS = ("disk-full", "write-failed")
FILLER = "/data/filler"


def prove(room: Classroom, options: argparse.Namespace, dice: random.Random) -> list[str]:
    del options, dice
    # Without a platform: one that confirms would let the recorder delete what is to be judged here.
    room.install(CAMERA + SCREEN + MICROPHONE)
    room.await_live()
    broken = one(room, "half of the reserve", RESERVE // 2) + one(room, "the last byte", 0)
    code, findings = room.fsck()
    if code:
        broken.append(f"P1: lecternd fsck ended with {code}: {findings}")
    return broken


def one(room: Classroom, name: str, leave: int) -> list[str]:
    """Records, fills the disk, waits for the sentence, makes room again, and judges the lecture."""
    lecture = room.lectern(f"start --title 'Filled to {name}'")
    room.await_recording(lecture, 1)
    time.sleep(RECORDED_S)
    before = room.ledger(lecture)
    filled = room.machine.uptime()
    room.machine.run(
        f"left=$(( $(stat -f -c '%a*%S' /data) - {leave} )); fallocate -l $left {FILLER};"
        f" [ {leave} -gt 0 ] || dd if=/dev/zero of={FILLER}2 bs=4k 2>/dev/null; true"
    )
    print(f"filled to {name}:")
    broken = told_and_stopped(room, name, filled)
    code, refusal = room.machine.try_run("lectern start --title refused")
    print(f"    a start now ends with {code}: {refusal.strip()}")
    if code == 0:
        broken.append(f"P8: filled to {name}, a lecture could be started")
    room.machine.run(f"rm -f {FILLER} {FILLER}2")
    room.await_live()
    if ((room.status() or {}).get("lecture") or {}).get("state") == "recording":
        room.lectern("stop")
    room.await_state(lecture, "finished")
    after = room.ledger(lecture)
    broken += kept(name, before, after)
    tracks, complaints = decoded_tracks(room, after, 1)
    full = filled - after["runs"][0]["base_mono_ns"] / 1e9
    for track, spans in sorted(tracks.items()):
        ends = [end for at, end in spans if at <= full]
        holes = judge.holes([span for span in spans if span[0] <= full], 1.0)
        print(f"    {track:10} has all until {full - ends[-1]:5.2f} s before the disk was full")
        if holes or full - ends[-1] > BEFORE_FULL_S:
            broken.append(f"P8: filled to {name}, {track} ends {full - ends[-1]:.2f} s early; holes {holes}")
    finished = f"/data/lectern/lectures/{after['lecture']['folder']}/finished"
    return broken + complaints + whole(room, finished)


def told_and_stopped(room: Classroom, name: str, filled: float) -> list[str]:
    """A person must be told and the recording must have ended, each soon."""

    def sentence() -> str | None:
        said = [m for m in (room.status() or {"messages": []})["messages"] if m["code"] in TELLS]
        return f"{said[0]['what']} {said[0]['safe']} {said[0]['todo']}" if said else None

    def stopped() -> str | None:
        status = room.status()
        return status["state"] if status and status["state"] not in ("recording", "paused") else None

    broken = []
    for what, look in (("told", sentence), ("stopped", stopped)):
        try:
            found = until(f"{what}", look, patience=WITHIN_S)
            print(f"    {what} after {room.machine.uptime() - filled:.1f} s: {found}")
        except MachineError:
            broken.append(f"P8: filled to {name}, not {what} within {WITHIN_S:.0f} s: {room.status()}")
    return broken


def kept(name: str, before: dict, after: dict) -> list[str]:
    """P1 on a full disk: what was closed before is closed and the same."""
    now = {(row["source"], row["number"]): row for row in after["segments"]}
    broken = [
        f"P1: filled to {name}, {row['path']} was lost or changed"
        for row in before["segments"]
        if now.get((row["source"], row["number"]), {}).get("sha256") != row["sha256"]
    ]
    return broken + [
        f"P8: filled to {name}, {row['path']} is {row['state']}, bytes as its row says: {row['sound']}"
        for row in after["segments"]
        if row["state"] != "closed" or not row["sound"]
    ]
