#!/usr/bin/python3
"""What a kill -9 costs ffmpeg, to stand beside what it costs Lectern.

usage: tests/bench/killed.py ROUNDS

Records generated pictures at their pace with the fragments of two seconds that such recordings are
advised to have, and into a plain MP4, kills it, and asks how much of what ffmpeg said it had written
can be read. ffmpeg loses a little more: what it had not yet counted.
"""

import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

WHAT = "lost at a kill -9 of daemon and sources, median"
WAYS = {
    "ffmpeg, fragments of 2 s": ["-movflags", "+frag_keyframe+empty_moov"],
    "ffmpeg, plain MP4": [],
}


def readable_s(file: pathlib.Path) -> float:
    """Up to where the packets reach."""
    asked = subprocess.run(
        ["ffprobe", "-v", "quiet", "-show_entries", "packet=pts_time", "-of", "csv=p=0", file],
        capture_output=True, text=True,
    )
    times = [float(word.strip(",")) for word in asked.stdout.split() if word.strip(",") not in ("", "N/A")]
    return max(times) + 1 / 30 if times else 0.0


def lost_ms(folder: pathlib.Path, flags: list[str], after_s: float) -> float:
    file, progress = folder / "recording.mp4", folder / "progress"
    words = ["ffmpeg", "-v", "error", "-y", "-stats_period", "0.1", "-progress", progress, "-re", "-f", "lavfi",
             "-i", "testsrc2=s=640x360:r=30", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
             "-g", "60", *flags, "-flush_packets", "1", file]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        time.sleep(after_s)
        process.kill()
    said = [line.split("=")[1] for line in progress.read_text().splitlines() if line.startswith("out_time_us=")]
    written_s = int(said[-1]) / 1e6
    return max(0.0, written_s - readable_s(file)) * 1000


def main() -> None:
    rounds, dice = int(sys.argv[1]), random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        for way, flags in WAYS.items():
            lost = [lost_ms(pathlib.Path(name), flags, dice.uniform(4, 7)) for _ in range(rounds)]
            print(f"{way}: lost {', '.join(f'{ms:.0f}' for ms in lost)} ms")
            print("beside " + json.dumps({"what": WHAT, "name": way, "value": round(statistics.median(lost))}))


if __name__ == "__main__":
    main()
