"""Judges finished lectures by decoding them: damage, lengths, and sound against picture."""

import pathlib
import re
import statistics
import subprocess

import judge

ALLOWED_MS = 40.0
"""Sound against picture: what nobody notices."""


def flashes(path: pathlib.Path) -> list[float]:
    """Seconds at which the picture of `test-video` turns white."""
    graph = f"movie={path}:si=0,scale=16:16:flags=area,signalstats"
    words = [
        "-f",
        "lavfi",
        "-i",
        graph,
        "-show_entries",
        "frame=pts_time:frame_tags=lavfi.signalstats.YAVG",
        "-of",
        "csv=p=0",
    ]
    done = subprocess.run(["ffprobe", "-v", "error", *words], capture_output=True, text=True, check=True)
    found, white = [], False
    for line in done.stdout.splitlines():
        at, luma = (float(cell) for cell in line.split(",")[:2])
        if luma > 190 and not white:
            found.append(at)
        white = luma > 190
    return found


def beeps(path: pathlib.Path) -> list[float]:
    """Seconds at which the sound of `test-audio` begins after quiet."""
    words = [
        "-hide_banner",
        "-i",
        path,
        "-map",
        "0:a:0",
        "-af",
        "silencedetect=noise=-30dB:d=0.2",
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(["ffmpeg", *words], capture_output=True, text=True, check=True)
    return [float(at) for at in re.findall(r"silence_end: ([0-9.]+)", done.stderr)]


def offsets_ms(folder: pathlib.Path) -> list[float]:
    """Of each flash that has its beep near by: how much later the beep is."""
    heard = beeps(folder / "beep.m4a")
    pairs = (
        (flash, min(heard, key=lambda at: abs(at - flash), default=flash + 1))
        for flash in flashes(folder / "camera.mp4")
    )
    return [(beep - flash) * 1e3 for flash, beep in pairs if abs(beep - flash) < 0.3]


def judge_lecture(folder: pathlib.Path) -> list[str]:
    """The long lecture, whole; prints lengths and offsets."""
    broken = []
    print()
    for path in sorted([*folder.glob("*.mp4"), *folder.glob("*.m4a")]):
        complaints = judge.all_streams(path)
        verdict = complaints[:200] or "decodes without an error"
        print(f"{path.name:16} {judge.length(path):9.2f} s {path.stat().st_size:12} bytes  {verdict}")
        if complaints:
            broken.append(f"{path} does not decode cleanly: {complaints[:500]}")
    found = offsets_ms(folder)
    if len(found) < 6:
        return [*broken, f"only {len(found)} flashes with a beep: sound and picture cannot be compared"]
    third = len(found) // 3
    early, late = statistics.median(found[:third]), statistics.median(found[-third:])
    # A pause or a cut within a flash leaves a piece of it, and of its beep another one: those are
    # not sound and picture apart, and are few.
    worst = sorted(map(abs, found))[int(len(found) * 0.95)]
    print(
        f"sound behind picture: {early:.1f} ms at first, {late:.1f} ms at last;"
        f" 95 % of {len(found)} pairs within {worst:.1f} ms"
    )
    if worst > ALLOWED_MS:
        broken.append(f"sound and picture lie {worst:.1f} ms apart, {ALLOWED_MS:.0f} ms are allowed")
    return broken
