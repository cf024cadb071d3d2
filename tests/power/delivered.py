"""Judges what a lecture left: its segments by decoding, and what the platform got of it."""

import json
import pathlib
import subprocess
import tempfile

import judge
from classroom import Classroom


Spans = dict[str, list[tuple[float, float]]]
"""Of each track the frames as (beginning, end), in seconds of the run."""


def decoded_tracks(room: Classroom, ledger: dict, run: int) -> tuple[Spans, list[str]]:
    """Decodes every closed segment of a run; the frames of each track, and what did not decode."""
    rows = [row for row in ledger["segments"] if row["run"] == run and row["state"] == "closed"]
    tracks: Spans = {}
    complaints = []
    with tempfile.TemporaryDirectory() as place:
        room.fetch([row["path"] for row in rows], pathlib.Path(place))
        for row in rows:
            found = judge.decode(pathlib.Path(place) / row["path"].removeprefix("/data/"))
            tracks.setdefault(row["source"], []).extend(found.spans)
            if found.complaints:
                complaints.append(f"{row['path']} of run {run} does not decode cleanly: {found.complaints}")
    return tracks, complaints


def judge_delivered(room: Classroom, lecture: str, runs: int, stop: bool = True) -> list[str]:
    """Stops the lecture, waits until the share has it and judges every file; what is broken."""
    if stop:
        room.lectern("stop")
    room.await_state(lecture, "delivered")
    broken: list[str] = []
    ledger = room.ledger(lecture)
    if len(ledger["runs"]) != runs:
        broken.append(f"P3: {len(ledger['runs'])} runs in the database, {runs} were recorded")
    folders = room.machine.run("ls -d /data/share/*/").split()
    if len(folders) != 1:
        broken.append(f"P5: the share has {len(folders)} folders for one lecture: {folders}")
    broken += whole(room, folders[0])
    code, findings = room.fsck()
    if code:
        broken.append(f"P1: lecternd fsck ended with {code}: {findings}")
    return broken


def whole(room: Classroom, folder: str) -> list[str]:
    """What is wrong with the files of a finished lecture in a folder below `/data`."""
    broken: list[str] = []
    files = room.machine.run(f"find {folder} -type f").split()
    with tempfile.TemporaryDirectory() as place:
        here = pathlib.Path(place)
        room.fetch(files, here)
        home = (here / files[0].removeprefix("/data/")).parent
        sums = subprocess.run(
            ["sha256sum", "--quiet", "--check", "SHA256SUMS"], cwd=home, capture_output=True, text=True
        )
        if sums.returncode:
            broken.append(f"P5: SHA256SUMS of the delivered lecture: {sums.stdout}{sums.stderr}")
        for path in sorted([*home.glob("*.mp4"), *home.glob("*.m4a")]):
            complaints = judge.all_streams(path)
            size = path.stat().st_size
            verdict = complaints[:200] or "decodes without an error"
            print(f"finished {path.name:16} {judge.length(path):9.2f} s {size:12} bytes  {verdict}")
            if complaints:
                broken.append(f"{path.name} does not decode cleanly: {complaints}")
        told = json.loads((home / "lecture.json").read_text())
        print(
            f"finished lecture.json: {len(told.get('runs', []))} runs, {len(told.get('gaps', []))} gaps told"
        )
    return broken
