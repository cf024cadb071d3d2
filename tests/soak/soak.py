#!/usr/bin/python3
"""What `scripts/soak` runs; see there for its words."""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# The judge of files that the tests on a whole machine use too.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "power"))
import cycles  # noqa: E402
import faults  # noqa: E402
from meter import Meter  # noqa: E402
from recorder import SOURCES, Recorder  # noqa: E402
from stage import Late, until  # noqa: E402
from tracks import judge_lecture  # noqa: E402


def parsed() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="scripts/soak", usage="scripts/soak --help")
    words.add_argument("--minutes", type=float, default=10.0)
    words.add_argument("--cycles", type=int, default=100)
    words.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    words.add_argument("--bin", type=pathlib.Path, required=True)
    words.add_argument("--keep", type=pathlib.Path)
    return words.parse_args()


def main() -> int:
    options = parsed()
    print(
        f"soak: {options.cycles} cycles, {options.minutes:g} min of faults, seed {options.seed},"
        f" load of this machine {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lectern-soak"))
    recorder = Recorder(folder, options.bin.resolve())
    broken: list[str] = []
    try:
        broken = run(recorder, options)
    except Exception as fault:
        # Whatever it was: the tables so far and the log are what is wanted now.
        broken.append(f"the run ended early: {type(fault).__name__}: {fault}")
        print(*(folder / "log").read_text(errors="replace").splitlines()[-15:], sep="\n", file=sys.stderr)
    finally:
        recorder.close()
        if options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        shutil.rmtree(folder)
    for line in broken:
        print(f"BROKEN  {line}")
    print(
        f"seed {options.seed}: {len(broken)} promises broken; load of this machine now {os.getloadavg()[0]:.1f}"
    )
    return 1 if broken else 0


def run(recorder: Recorder, options: argparse.Namespace) -> list[str]:
    dice = random.Random(options.seed)
    broken: list[str] = []
    recorder.start()
    if options.cycles:
        meter = Meter()
        _, grown = cycles.wear(recorder, options.cycles, dice, meter)
        meter.save(recorder.folder / "cycles.csv")
        broken += grown
    if options.minutes:
        meter = Meter()
        lecture, wrong = faults.wear(recorder, options.minutes, dice, meter)
        meter.save(recorder.folder / "faults.csv")
        broken += wrong + meter.judge(("lecternd", *SOURCES), statistics.median)
        if not wrong:
            recorder.await_state(lecture, "delivered")
            (place,) = (recorder.folder / "platform").glob(f"*{lecture}")
            broken += judge_lecture(place)
    return broken + judge_spool(recorder)


def judge_spool(recorder: Recorder) -> list[str]:
    """Every lecture there, once, and nothing in the spool that its database does not know."""
    unsent = "SELECT id FROM lectures WHERE state <> 'delivered' AND state <> 'failed'"
    broken = []
    try:
        until("the last lecture's delivery", lambda: not recorder.rows(unsent))
    except Late as late:
        broken.append(f"P5: {late}")
    code = recorder.end()
    if code:
        broken.append(f"the daemon ended with {code}")
    lectures = recorder.rows("SELECT id, state, reason FROM lectures")
    broken += [
        f"P5: {row['id']} is {row['state']}: {row['reason']}"
        for row in lectures
        if row["state"] != "delivered"
    ]
    for row in lectures:
        copies = len(list((recorder.folder / "platform").glob(f"*{row['id']}")))
        if copies != 1:
            broken.append(f"P5: lecture {row['id']} lies {copies} times on the platform")
    code, findings = recorder.fsck()
    if code:
        broken.append(f"P1: lecternd fsck ended with {code}: {findings}")
    size = int(
        subprocess.run(
            ["du", "-sk", recorder.folder / "spool"], capture_output=True, text=True
        ).stdout.split()[0]
    )
    print(f"\n{len(lectures)} lectures; spool {size / 1024:.1f} MiB; fsck ends with {code}")
    return broken


if __name__ == "__main__":
    sys.exit(main())
