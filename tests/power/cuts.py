"""Power cuts at random moments of one lecture: P1, P2, P3."""

import argparse
import json
import os
import pathlib
import random
import statistics
import tempfile
import time

import judge
from classroom import Classroom
from delivered import decoded_tracks, judge_delivered

TRACKS = ("camera", "screen", "microphone")
ALLOWED_S = 1.0 + 0.5
"""P2: `sync_every` of the configuration, and half a second."""
PARTING_S = 3.0
"""The rows of closed segments are read up to this long before the cut."""


def prove(room: Classroom, options: argparse.Namespace, dice: random.Random) -> list[str]:
    room.install()
    room.await_live()
    lecture = room.lectern("start --title 'Twenty outages'")
    broken: list[str] = []
    lost: dict[str, list[float]] = {track: [] for track in TRACKS}
    back: list[float] = []
    names = "  ".join(f"{track:>10}" for track in TRACKS)
    print(f"run   cut at s   lost s: {names}   closed  salvaged  set aside  on again at s  load")
    for run in range(1, options.cuts + 1):
        room.await_recording(lecture, run)
        begun = room.ledger(lecture)
        base = begun["runs"][-1]["base_mono_ns"] / 1e9
        moment = base + dice.uniform(options.earliest, options.latest)
        parting = dice.uniform(0.0, PARTING_S)
        time.sleep(max(0.0, moment - parting - room.machine.uptime()))
        before = room.ledger(lecture)
        cut = room.machine.cut(parting)
        room.machine.restart()
        room.await_recording(lecture, run + 1)
        after = room.ledger(lecture)
        broken += closed_kept(run, before, after)
        ends, complaints = decoded_ends(room, after, run)
        broken += complaints
        aside = sorted(set(after["quarantine"]) - set(before["quarantine"]))
        broken += nothing_in(room, run, aside)
        for track in TRACKS:
            seconds = cut - base - ends.get(track, 0.0)
            lost[track].append(seconds)
            if seconds > ALLOWED_S:
                broken.append(f"P2: run {run} lost {seconds:.2f} s of {track}, {ALLOWED_S:.1f} s are allowed")
        back.append(after["runs"][-1]["base_mono_ns"] / 1e9)
        salvaged = sum(row["salvaged"] for row in after["segments"] if row["run"] == run)
        print(
            f"{run:3}   {cut - base:8.1f}          "
            + "  ".join(f"{lost[track][-1]:10.2f}" for track in TRACKS)
            + f"   {len(before['segments']):6}  {salvaged:8}  {len(aside):9}  {back[-1]:13.1f}"
            + f"  {os.getloadavg()[0]:4.1f}",
            flush=True,
        )
    for track in TRACKS:
        median, of = round(statistics.median(lost[track]), 2), f"{options.cuts} power cuts"
        said = {"what": f"lost of {track} at a power cut, median", "ours": median, "unit": "s", "of": of,
                "beside": [["promised bound", ALLOWED_S]]}
        print("figure " + json.dumps(said))
    for word, figure in (("min", min), ("median", statistics.median), ("max", max)):
        print(f"{word:>12}            " + "  ".join(f"{figure(lost[track]):10.2f}" for track in TRACKS))
    print(f"recording again at uptime: median {statistics.median(back):.1f} s, at most {max(back):.1f} s")
    broken += judge_delivered(room, lecture, runs=options.cuts + 1)
    return broken


def closed_kept(run: int, before: dict, after: dict) -> list[str]:
    """P1: every row that said closed before the cut says so after it, of the same bytes."""
    now = {(row["source"], row["number"]): row for row in after["segments"]}
    broken = []
    for row in before["segments"]:
        name = f"{row['source']}/{row['number']}"
        same = now.get((row["source"], row["number"]))
        if row["state"] != "closed" or not row["sound"]:
            broken.append(
                f"P1: before cut {run} {name} was {row['state']} and its bytes differed from its row"
            )
        elif same is None or same["state"] != "closed":
            broken.append(f"P1: cut {run} lost the closed segment {name}: {same}")
        elif (same["sha256"], same["bytes"]) != (row["sha256"], row["bytes"]):
            broken.append(f"P1: cut {run} changed the closed segment {name}")
    broken += [
        f"P1: after cut {run} {row['path']} is {row['state']}, not what its row says"
        for row in after["segments"]
        if row["state"] != "closed" or not row["sound"]
    ]
    return broken


def nothing_in(room: Classroom, run: int, aside: list[str]) -> list[str]:
    """A file begun in the last second has no byte on the disk yet, and is set aside; no other may be."""
    broken = []
    with tempfile.TemporaryDirectory() as place:
        room.fetch(aside, pathlib.Path(place))
        for path in aside:
            frames = len(judge.decode(pathlib.Path(place) / path.removeprefix("/data/")).spans)
            if frames:
                broken.append(f"P2: cut {run} put {path} aside, in which {frames} frames can be decoded")
    return broken


def decoded_ends(room: Classroom, ledger: dict, run: int) -> tuple[dict[str, float], list[str]]:
    """Where each track of a run ends by decoding, in seconds of the run, and what did not decode."""
    tracks, complaints = decoded_tracks(room, ledger, run)
    return {track: spans[-1][1] for track, spans in tracks.items() if spans}, complaints
