"""The disk fills in mid-lecture, down to the reserve and to the last byte: P8."""

import argparse
import random
import time

import judge
from classroom import Classroom
from delivered import decoded_tracks, judge_delivered
from machine import until

RESERVE = 64 << 20
STOPS_WITHIN_S = 20.0
"""From the full disk to the stop, on a machine that may be slow."""
RECORDED_S = 12.0
FILLER = "/data/filler"


def prove(room: Classroom, options: argparse.Namespace, dice: random.Random) -> list[str]:
    del options, dice
    room.install()
    room.await_live()
    broken: list[str] = []
    for name, leave in (("half of the reserve", RESERVE // 2), ("the last byte", 0)):
        broken += one(room, name, leave)
    return broken


def one(room: Classroom, name: str, leave: int) -> list[str]:
    """Records, fills the disk, waits for the sentence, makes room again, and judges the lecture."""
    lecture = room.lectern(f"start --title 'Filled to {name}'")
    recording = room.await_recording(lecture, 1)
    time.sleep(RECORDED_S)
    before = room.ledger(lecture)
    filled = room.machine.uptime()
    room.machine.run(
        f"left=$(( $(stat -f -c '%a*%S' /data) - {leave} )); fallocate -l $left {FILLER};"
        f" [ {leave} -gt 0 ] || dd if=/dev/zero of={FILLER}2 bs=4k 2>/dev/null; true"
    )
    ended = until("the recording to be stopped", lambda: stopped(room), patience=60)
    took = room.machine.uptime() - filled
    said = [message for message in ended["messages"] if message["code"] == "disk-full"]
    broken = []
    print(f"filled to {name}: stopped after {took:.1f} s; state {ended['state']}")
    for message in said:
        print(f"    {message['what']} {message['safe']} {message['todo']}")
    if took > STOPS_WITHIN_S:
        broken.append(f"P8: filled to {name}, it stopped only after {took:.1f} s")
    if not said:
        broken.append(f"P8: filled to {name}, nobody was told: {ended['messages']}")
    code, refusal = room.machine.try_run("lectern start --title refused")
    print(f"    a start now ends with {code}: {refusal.strip()}")
    if code == 0:
        broken.append("P8: a lecture could be started on a full disk")
    room.machine.run(f"rm -f {FILLER} {FILLER}2")
    room.await_live()
    room.await_state(lecture, "delivered")
    after = room.ledger(lecture)
    broken += kept(name, before, after)
    tracks, complaints = decoded_tracks(room, after, 1)
    base = after["runs"][0]["base_mono_ns"] / 1e9
    for track, spans in sorted(tracks.items()):
        print(f"    {track:10} ends {filled - base - spans[-1][1]:6.2f} s before the disk was full")
        holes = judge.holes(spans, 1.0)
        if holes:
            broken.append(f"P8: filled to {name}, {track} has holes: {holes}")
    del recording
    return broken + complaints + deliver_and_restart(room, lecture)


def deliver_and_restart(room: Classroom, lecture: str) -> list[str]:
    broken = judge_delivered(room, lecture, runs=1, stop=False)
    room.machine.run("rm -rf /data/share/* && systemctl start lecternd")
    room.await_live()
    return broken


def stopped(room: Classroom) -> dict | None:
    status = room.status()
    return status if status and status["state"] not in ("recording", "starting", "paused") else None


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
