"""Judges files by decoding them with ffmpeg: nothing that the recorder wrote about them counts."""

import dataclasses
import itertools
import json
import pathlib
import statistics
import subprocess


@dataclasses.dataclass
class Decoded:
    """What one file decodes to."""

    spans: list[tuple[float, float]]
    """Beginning and end of each frame, in seconds on the file's own axis, in order."""
    complaints: str

    @property
    def end(self) -> float:
        return self.spans[-1][1] if self.spans else 0.0


def decode(path: pathlib.Path) -> Decoded:
    """Decodes the first stream of a file to its end."""
    entries = "frame=pts_time,duration_time,pkt_duration_time"
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "0", "-show_entries", entries, "-of", "json", path],
        capture_output=True,
        text=True,
    )
    spans = []
    for frame in json.loads(done.stdout or "{}").get("frames", []):
        length = float(frame.get("duration_time", frame.get("pkt_duration_time", 0)))
        if "pts_time" in frame:
            spans.append((float(frame["pts_time"]), float(frame["pts_time"]) + length))
    # ffprobe gives the first frame of sound no length.
    usual = statistics.median(end - at for at, end in spans) if spans else 0.0
    spans = [(at, end if end > at else at + usual) for at, end in spans]
    complaints = done.stderr.strip()
    if done.returncode or not spans:
        complaints = f"ffprobe ended with {done.returncode}, {len(spans)} frames: {complaints}"
    return Decoded(sorted(spans), complaints)


def holes(spans: list[tuple[float, float]], longer_than: float) -> list[tuple[float, float]]:
    """Where nothing is between the end of a frame and the beginning of the next."""
    pairs = itertools.pairwise(spans)
    return [(old[1], new[0]) for old, new in pairs if new[0] - old[1] > longer_than]


def all_streams(path: pathlib.Path) -> str:
    """What ffmpeg complains about when it decodes every stream; nothing if all is well."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0", "-fps_mode", "passthrough"]
        + ["-enc_time_base", "-1", "-f", "null", "-"],
        capture_output=True,
        text=True,
    )
    return done.stderr.strip() or ("" if done.returncode == 0 else f"ffmpeg ended with {done.returncode}")


def length(path: pathlib.Path) -> float:
    """Length that the file's head names, in seconds."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path],
        capture_output=True,
        text=True,
    )
    return float(done.stdout.strip() or "nan")
