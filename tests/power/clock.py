"""Wall clocks that are wrong in mid-lecture and at boot: orders and lengths stay right (P3)."""

import argparse
import random
import time

import judge
from classroom import Classroom
from delivered import decoded_tracks, judge_delivered
from machine import PATIENCE_S, MachineError, until

HOUR_S = 3600
IN_1970 = "@86400"
"""The kernel refuses a time at which the machine would have been booted before 1970."""
STEADY_S = 8.0
TIMES_WITHIN_S = 3.0
"""How exact a corrected wall time must be: the second that `date` sets, and a slow machine."""
LENGTHS_WITHIN_S = 1.5
ENDED_WITHIN_S = 30.0
"""A clock that is believed and hours ahead says that the lecture's time is over: that is no fault."""
DEAD_RTC = """\
[Unit]
Description=a wrong clock at boot, as a dead battery leaves it
DefaultDependencies=no
RequiresMountsFor=/data
Before=lecternd.service
ConditionPathExists=/data/boot-clock
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'date -s "$(cat /data/boot-clock)"'
[Install]
WantedBy=lecternd.service
"""


def prove(room: Classroom, options: argparse.Namespace, dice: random.Random) -> list[str]:
    del options, dice
    room.install()
    room.await_live()
    broken = steps(room)
    room.place(DEAD_RTC, "/etc/systemd/system/dead-rtc.service")
    room.machine.run("systemctl daemon-reload && systemctl enable -q dead-rtc")
    for name, clock, distrusted in (
        ("1970", lambda: IN_1970, True),
        ("an hour ago", lambda: f"@{time.time() - HOUR_S:.0f}", True),
        ("in five hours", lambda: f"@{time.time() + 5 * HOUR_S:.0f}", False),
    ):
        broken += booted(room, name, clock(), distrusted)
    return broken


def right(room: Classroom) -> None:
    """Sets the machine's clock to this host's."""
    room.machine.run(f"date -s @{time.time():.3f}")


def steps(room: Classroom) -> list[str]:
    """One lecture through +5 h, -1 h, 1970 and back."""
    lecture = room.lectern("start --title 'A clock that jumps'")
    room.await_recording(lecture, 1)
    started = time.time()
    broken = []
    for name, set_clock in (
        ("five hours on", lambda: room.machine.clock(5 * HOUR_S)),
        ("an hour back", lambda: room.machine.clock(-6 * HOUR_S)),
        ("1970", lambda: room.machine.run(f"date -s {IN_1970}")),
        ("right again", lambda: right(room)),
    ):
        time.sleep(STEADY_S)
        set_clock()
        time.sleep(STEADY_S / 2)
        status = room.status() or {}
        now = status.get("lecture") or {}
        recorded = now.get("recorded_ms", 0) / 1e3
        print(f"in mid-lecture, {name}: clock {status.get('clock')}, recorded {recorded:.1f} s")
        if now.get("state") != "recording" or now.get("run") != 1:
            broken.append(f"P3: with the clock {name} the lecture was not recorded on: {now}")
        if name == "1970" and status.get("clock") != "untrusted":
            broken.append("P3: a clock that shows 1970 is believed")
        if name == "right again" and status.get("clock") != "trusted":
            broken.append("P3: a clock that was set right is not believed")
    time.sleep(STEADY_S)
    ended = room.machine.uptime()
    room.lectern("stop")
    room.await_state(lecture, "delivered")
    ledger = room.ledger(lecture)
    told = ledger["lecture"]["started_unix_ms"] / 1e3
    if abs(told - started) > STEADY_S:
        broken.append(f"P3: the lecture began at {started:.0f} and is said to have begun at {told:.0f}")
    return (
        broken
        + lengths(room, ledger, {1: ended})
        + judge_delivered(room, lecture, runs=1, stop=False)
        + again(room)
    )


def booted(room: Classroom, name: str, clock: str, distrusted: bool) -> list[str]:
    """One lecture through a power cut after which the clock shows something else."""
    right(room)
    room.await_live()
    lecture = room.lectern(f"start --title 'Booted at {name}'")
    room.await_recording(lecture, 1)
    room.machine.run(f"echo '{clock}' > /data/boot-clock && sync")
    time.sleep(STEADY_S)
    ends = {1: room.machine.cut(0.0)}
    cut_at = time.time()
    room.machine.restart()
    status = until("the recorder after the boot", room.status)
    print(f"booted {name}: clock {status['clock']}, state {status['state']}")
    broken = []
    if distrusted and status["clock"] != "untrusted":
        broken.append(f"P3: booted {name}, the clock is believed")
    went_on = True
    try:
        room.await_recording(lecture, 2, PATIENCE_S if distrusted else ENDED_WITHIN_S)
    except MachineError as error:
        went_on = False
        if distrusted:
            broken.append(f"P3: booted {name}, the lecture did not go on: {error}")
    time.sleep(STEADY_S)
    right(room)
    resumed_at = time.time() - room.machine.uptime()
    room.machine.run("rm /data/boot-clock")
    time.sleep(STEADY_S / 2)
    if went_on:
        status = room.status() or {}
        base = room.ledger(lecture)["runs"][1]["base_mono_ns"] / 1e9
        gap = resumed_at + base - cut_at
        told = (status.get("lecture") or {}).get("gap_ms")
        print(f"    set right: clock {status.get('clock')}, gap {gap:.1f} s, told as {told} ms")
        if told is None or abs(told / 1e3 - gap) > TIMES_WITHIN_S:
            broken.append(f"P3: booted {name}, the gap was {gap:.1f} s and is told as {told} ms")
        ends[2] = room.machine.uptime()
        room.lectern("stop")
    else:
        print("    the lecture was ended at the cut")
    room.await_state(lecture, "delivered")
    ledger = room.ledger(lecture)
    if went_on:
        started = ledger["runs"][1]["started_unix_ms"] / 1e3
        if abs(started - (resumed_at + base)) > TIMES_WITHIN_S:
            broken.append(
                f"P3: booted {name}, run 2 began {started - resumed_at - base:.1f} s off its true time"
            )
    broken += lengths(room, ledger, ends)
    return broken + judge_delivered(room, lecture, runs=len(ends), stop=False) + again(room)


def again(room: Classroom) -> list[str]:
    """Makes the share empty for the next lecture and starts the service that fsck needed down."""
    room.machine.run("rm -rf /data/share/* && systemctl start lecternd")
    room.await_live()
    return []


def lengths(room: Classroom, ledger: dict, ends: dict[int, float]) -> list[str]:
    """Each run is as long as the clock since the boot says, and without a hole."""
    broken = []
    for row in ledger["runs"]:
        tracks, complaints = decoded_tracks(room, ledger, row["run"])
        broken += complaints
        expected = ends[row["run"]] - row["base_mono_ns"] / 1e9
        for track, spans in sorted(tracks.items()):
            holes = judge.holes(spans, 1.1)
            short = expected - spans[-1][1]
            if abs(short) > LENGTHS_WITHIN_S or holes:
                broken.append(
                    f"P3: {track} of run {row['run']} is {short:.2f} s shorter than the {expected:.2f} s"
                    f" that passed; holes {holes}"
                )
    return broken
