"""Lectures that are started and stopped again and again in one life of the daemon."""

import datetime
import json
import pathlib
import random
import statistics
import time

from meter import Meter
from recorder import SOURCES, Recorder, Refused
from stage import until

WARM_UP = 2
"""Lectures before the first sample: caches fill, decoders and tables are made."""


def wear(recorder: Recorder, cycles: int, dice: random.Random, meter: Meter) -> tuple[list[str], list[str]]:
    """Runs the cycles; the lectures' ids and what is broken. Prints its tables."""
    presses: dict[str, tuple[float, float]] = {}
    for cycle in range(cycles + WARM_UP):
        at_rest(recorder)
        if cycle >= WARM_UP:
            meter.take(recorder.processes())
        # Both clocks: files are timed with the one, log lines with the other.
        pressed = (time.monotonic(), time.time())
        lecture = recorder.press("", {"title": f"Cycle {cycle}"})["lecture"]
        presses[lecture] = pressed
        recorder.await_written()
        act(recorder, dice)
        recorder.press("/stop")
    at_rest(recorder)
    meter.take(recorder.processes())
    print(f"\n{cycles} start/stop cycles after {WARM_UP} to warm up, each delivered; at rest between them")
    broken = meter.judge(("lecternd", *SOURCES))
    latency(recorder, dict(list(presses.items())[WARM_UP:]))
    return list(presses), broken


def at_rest(recorder: Recorder) -> None:
    """Waits until nothing is recorded, finished or sent any more."""

    def rests() -> bool:
        status = recorder.status()
        return bool(
            status
            and status["state"] == "ready"
            and status["queue"]["finishing"] == 0
            and status["queue"]["pending"] == 0
            and all(source["health"] == "live" for source in status["sources"])
        )

    until("rest after a lecture", rests)


def act(recorder: Recorder, dice: random.Random) -> None:
    """One of the things that people do, or nothing."""
    time.sleep(dice.uniform(0.0, 0.5))
    deed = dice.choice(("nothing", "pause", "mark", "undo"))
    if deed == "pause":
        recorder.press("/pause")
        time.sleep(dice.uniform(0.0, 0.3))
        recorder.press("/resume")
    elif deed == "mark":
        recorder.press("/mark", {"label": "here"})
    elif deed == "undo":
        recorder.press("/stop")
        try:
            recorder.press("/undo")
        except Refused:
            # The second that a stop can be taken back was over: the lecture has ended.
            at_rest(recorder)
            recorder.press("", {"title": "after a late undo"})
            recorder.await_written()


def latency(recorder: Recorder, presses: dict[str, tuple[float, float]]) -> None:
    """From the press to the first frame: its time in the file, and its arrival at the spool."""
    written = first_writes(recorder.folder / "log")
    print(
        f"\n{'record pressed to':34} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}   ({len(presses)} presses, warm)"
    )
    for source in SOURCES:
        in_file, at_spool = [], []
        for lecture, (mono, wall) in presses.items():
            rows = recorder.rows(
                "SELECT r.base_mono_ns + s.start_ns AS at FROM segments s JOIN runs r USING (lecture, run)"
                " WHERE s.lecture = ? AND s.source = ? ORDER BY s.number LIMIT 1",
                lecture,
                source,
            )
            in_file += [(row["at"] / 1e9 - mono) * 1e3 for row in rows]
            if (lecture, source) in written:
                at_spool.append((written[lecture, source] - wall) * 1e3)
        row(f"first frame's time, {source}", in_file)
        row(f"first chunk in the spool, {source}", at_spool)


def row(name: str, figures: list[float]) -> None:
    if len(figures) < 2:
        print(f"{name:34} too few")
        return
    cuts = statistics.quantiles(figures, n=20, method="inclusive")
    print(f"{name:34} {statistics.median(figures):8.0f} {cuts[18]:8.0f} {max(figures):8.0f}")
    tell(name, figures)


def tell(name: str, figures: list[float]) -> None:
    """For the table of scripts/bench."""
    median, of = round(statistics.median(figures)), f"{len(figures)} presses"
    print("figure " + json.dumps({"what": f"press to {name}, median", "ours": median, "unit": "ms", "of": of}))


def first_writes(log: pathlib.Path) -> dict[tuple[str, str], float]:
    """When the first chunk of each lecture and source was written, seconds since 1970."""
    found: dict[tuple[str, str], float] = {}
    for line in log.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        fields = event.get("fields", {})
        if fields.get("message") == "track began to be written" and str(fields.get("run")) == "1":
            at = datetime.datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).timestamp()
            found.setdefault((fields["lecture"], fields["source"]), at)
    return found
