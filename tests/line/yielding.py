#!/usr/bin/python3
"""Shows what an upload leaves of the line to a class.

usage: tests/line/yielding.py --send PROGRAM [--rows lectern,cubic,bbr,half] [--mbit N]
       [--buffer MS] [--rtt MS] [--queue one|fq_codel] [--rounds N] [--logs DIR]

  lectern  the upload as it is configured by default     half  Lectern with a rate of half the line
  cubic    a plain upload, as most programs do it        bbr   the same with the kernel's bbr, if it is there

PROGRAM is the example `send` of lectern-deliver. Each row first measures the class alone.
Exit: 0 measured, 2 this machine cannot do it.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bed import FAR, Bed, BedError, missing, run  # noqa: E402

PORT = 8443
LONG_S, SMALL_S = 12, 15
FILE_BYTES = 250 * 1000 * 1000


@dataclasses.dataclass
class Phase:
    begun: float
    ended: float
    line_part: float = 0.0
    sink_bytes: int = 0
    said: list[float] = dataclasses.field(default_factory=list)


class Stage:
    """The far end and the echo, and the phases between them."""

    def __init__(self, bed: Bed, folder: pathlib.Path):
        self.bed = bed
        self.far = bed.script("far", "far.py", stdin=subprocess.PIPE)
        self.far.stdout.readline()
        self.platform = bed.script("far", "platform.py", folder / "platform.pem", folder / "platform.key", PORT)
        self.platform.stdout.readline()
        self.echoes = folder / "echoes"
        bed.script("class", "people.py", "echo", FAR, 0, stdout=self.echoes.open("w"))

    def taken(self) -> int:
        self.far.stdin.write("\n")
        self.far.stdin.flush()
        return int(self.far.stdout.readline())

    def phase(self, seconds: float, what: str | None = None) -> Phase:
        before, (begun, sent) = self.taken(), self.bed.sent()
        said: list[float] = []
        if what is None:
            time.sleep(seconds)
        else:
            people = self.bed.script("class", "people.py", what, FAR, seconds)
            said = [float(row) for row in people.communicate()[0].split()]
            self.bed.processes.remove(people)
        ended, sent_now = self.bed.sent()
        part = (sent_now - sent) * 8 / (ended - begun) / (self.bed.mbit * 1e6)
        return Phase(begun, ended, part, self.taken() - before, said)

    def rtt_ms(self, phase: Phase) -> float:
        rows = (row.split() for row in self.echoes.read_text().splitlines())
        trips = [float(row[1]) for row in rows if len(row) == 2 and phase.begun <= float(row[0]) <= phase.ended]
        return statistics.median(trips) if trips else float("nan")


def upload(bed: Bed, row: str, send: str, folder: pathlib.Path) -> subprocess.Popen:
    if row in ("cubic", "bbr"):
        return bed.script("room", "rival.py", FAR, row)
    words = [send, f"https://{FAR}:{PORT}/files", str(folder / "lecture.mp4"), "--ca", str(folder / "authority.pem")]
    if row == "half":
        words += ["--rate", f"{bed.mbit * 500:.0f}kbit/s"]
    else:
        words += ["--yield", "--log"]
    log = (folder / f"{row}.log").open("w")
    return bed.start("room", *words, stdout=log, stderr=subprocess.STDOUT)


def measured(row: str, words: argparse.Namespace, folder: pathlib.Path) -> list[float]:
    with Bed(words.mbit, words.buffer, words.rtt, words.queue) as bed:
        stage = Stage(bed, folder)
        empty = stage.phase(4)
        alone = [stage.phase(LONG_S, "upload"), stage.phase(3), stage.phase(LONG_S, "download")]
        stage.phase(2)
        alone_small = stage.phase(SMALL_S, "small")
        process = upload(bed, row, words.send, folder)
        start, steady = stage.phase(5), stage.phase(15)
        with_up = stage.phase(LONG_S, "upload")
        again = stage.phase(12)
        with_down = stage.phase(LONG_S, "download")
        stage.phase(8)
        with_small = stage.phase(SMALL_S, "small")
        if process.poll() is not None:
            raise BedError(f"the upload of row {row} ended early: {(folder / f'{row}.log').read_text()[-500:]}")
        whole = (start.line_part * 5 + steady.line_part * 15) / 20
        return [
            100 * with_up.sink_bytes / alone[0].sink_bytes,
            100 * with_down.said[0] / alone[2].said[0],
            statistics.mean(with_small.said) / statistics.mean(alone_small.said),
            100 * steady.line_part,
            100 * whole,
            100 * again.line_part,
            stage.rtt_ms(steady) - stage.rtt_ms(empty),
        ]


def certificates(folder: pathlib.Path) -> None:
    """An authority, and the platform's certificate by it."""
    def made(name: str, subject: str, *more: str) -> None:
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={subject}", *more, "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"))

    made("authority", "Lectern line test")
    made("platform", "platform", "-CA", str(folder / "authority.pem"), "-CAkey", str(folder / "authority.key"),
         "-addext", f"subjectAltName=IP:{FAR}", "-addext", "basicConstraints=critical,CA:FALSE")


def main() -> int:
    words = argparse.ArgumentParser(usage=__doc__)
    words.add_argument("--send", required=True)
    words.add_argument("--rows", default="lectern,cubic,bbr,half")
    words.add_argument("--mbit", type=float, default=20)
    words.add_argument("--buffer", type=int, default=300)
    words.add_argument("--rtt", type=float, default=20)
    words.add_argument("--queue", choices=("one", "fq_codel"), default="one")
    words.add_argument("--rounds", type=int, default=1)
    words.add_argument("--logs", type=pathlib.Path)
    words = words.parse_args()
    if lack := missing():
        print(f"Not measured: {lack}")
        return 2
    known = pathlib.Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    print(f"{words.mbit:g} Mbit/s, buffer {words.buffer} ms ({words.queue}), round trip {words.rtt:g} ms")
    print("| upload | class upload kept | class download kept | 1 MB slower by | idle line used | with the start | "
          "first 12 s after class | delay added |")
    print("|---|---|---|---|---|---|---|---|")
    rounds: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificates(folder)
        with (folder / "lecture.mp4").open("wb") as file:
            file.truncate(FILE_BYTES)
        for _ in range(words.rounds):
            for row in words.rows.split(","):
                if row in ("cubic", "bbr") and row not in known:
                    print(f"| {row} | not in this kernel |")
                    continue
                numbers = measured(row, words, folder)
                if words.logs and (folder / f"{row}.log").exists():
                    shutil.copy(folder / f"{row}.log", words.logs)
                rounds.setdefault(row, []).append(numbers)
                up, down, small, steady, whole, again, added = numbers
                print(f"| {row} | {up:.1f} % | {down:.1f} % | x{small:.2f} | {steady:.1f} % | {whole:.1f} % | "
                      f"{again:.1f} % | {added:.1f} ms |", flush=True)
    tell(words, rounds)
    return 0


def tell(words: argparse.Namespace, rounds: dict[str, list[list[float]]]) -> None:
    """The medians for the table of scripts/bench: Lectern, and each other upload beside it."""
    medians = {row: [statistics.median(column) for column in zip(*found)] for row, found in rounds.items()}
    ours = medians.pop("lectern", None)
    if ours is None:
        return
    names = ("class upload kept", "class download kept", "1 MB slower by", "idle line used", "with the start",
             "first 12 s after class", "delay added")
    units = ("%", "%", "x", "%", "%", "%", "ms")
    of = f"{words.rounds} rounds, {words.mbit:g} Mbit/s, {words.buffer} ms ({words.queue})"
    for place, (name, unit) in enumerate(zip(names, units)):
        beside = [[row, round(found[place], 2)] for row, found in medians.items()]
        figure = {"what": name, "ours": round(ours[place], 2), "unit": unit, "of": of, "beside": beside}
        print("figure " + json.dumps(figure))


if __name__ == "__main__":
    sys.exit(main())
