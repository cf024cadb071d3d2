"""One lecture in which everything around it fails at random."""

import os
import random
import signal
import time
from collections.abc import Callable

from meter import Meter
from recorder import SOURCES, Recorder, Refused
from stage import Late, until

BETWEEN_S = (1.5, 5.0)
"""Undisturbed time between two faults."""


def wear(recorder: Recorder, minutes: float, dice: random.Random, meter: Meter) -> tuple[str, list[str]]:
    """Records for so long; the lecture's id and what is broken. Prints its table."""
    lecture = recorder.press("", {"title": "Everything fails"})["lecture"]
    recorder.await_written()
    end = time.monotonic() + minutes * 60
    deeds: dict[str, Callable[[Recorder, random.Random], None]] = {
        "kill -9 of a source": kill_source,
        "SIGSTOP of a source": stop_source,
        "kill -9 of the daemon": kill_daemon,
        "X server killed, back": kill_screen,
        "sound server killed, back": kill_sound,
        "pause and resume": pause,
        "stop and undo": undo,
        "mark": mark,
    }
    took: dict[str, list[float]] = {name: [] for name in deeds}
    broken = []
    turn: list[str] = []
    while time.monotonic() < end and not broken:
        rest(recorder, meter, dice.uniform(*BETWEEN_S))
        # Each of them before any of them again, in a random order.
        turn = turn or dice.sample(sorted(deeds), len(deeds))
        name = turn.pop()
        began = time.monotonic()
        try:
            deeds[name](recorder, dice)
            recorder.await_live()
            recorder.await_written(bytes_now(recorder))
            took[name].append(time.monotonic() - began)
        except (Late, Refused, OSError, AssertionError) as fault:
            broken.append(f"after '{name}': {fault}")
        now = (recorder.status() or {}).get("lecture") or {}
        if now.get("id") != lecture and not broken:
            broken.append(f"P3: after '{name}' lecture {lecture} is not recorded any more: {now}")
    print(
        f"\n{sum(map(len, took.values()))} faults in one lecture of {minutes:g} min;"
        " s until every source was written again"
    )
    for name, times in sorted(took.items()):
        if times:
            print(
                f"{name:28} {len(times):4} times   mean {sum(times) / len(times):5.1f}   max {max(times):5.1f}"
            )
    if not broken:
        recorder.press("/stop")
    return lecture, broken


def rest(recorder: Recorder, meter: Meter, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        meter.take(recorder.processes())
        time.sleep(0.5)


def bytes_now(recorder: Recorder) -> int:
    status = recorder.status() or {"sources": []}
    return sum(source["bytes"] for source in status["sources"])


def source_killed(recorder: Recorder, dice: random.Random, how: signal.Signals) -> None:
    name = dice.choice(SOURCES)
    pid = recorder.processes().get(name)
    if pid is None:
        return
    os.kill(pid, how)
    until(f"another process of {name}", lambda: recorder.processes().get(name, pid) != pid)


def kill_source(recorder: Recorder, dice: random.Random) -> None:
    source_killed(recorder, dice, signal.SIGKILL)


def stop_source(recorder: Recorder, dice: random.Random) -> None:
    source_killed(recorder, dice, signal.SIGSTOP)


def kill_daemon(recorder: Recorder, dice: random.Random) -> None:
    recorder.kill()
    time.sleep(dice.uniform(0.0, 1.0))
    recorder.start()


def kill_screen(recorder: Recorder, dice: random.Random) -> None:
    recorder.screen.kill()
    time.sleep(dice.uniform(0.5, 3.0))
    recorder.screen.start()


def kill_sound(recorder: Recorder, dice: random.Random) -> None:
    recorder.sound.kill()
    time.sleep(dice.uniform(0.5, 3.0))
    recorder.sound.start()


def pause(recorder: Recorder, dice: random.Random) -> None:
    recorder.press("/pause")
    time.sleep(dice.uniform(0.2, 2.0))
    recorder.press("/resume")


def undo(recorder: Recorder, dice: random.Random) -> None:
    del dice
    recorder.press("/stop")
    recorder.press("/undo")


def mark(recorder: Recorder, dice: random.Random) -> None:
    recorder.press("/mark", {"label": f"at {dice.randrange(1000)}"})
