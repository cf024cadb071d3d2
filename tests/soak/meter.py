"""What the processes take, over time, and whether it grows."""

import csv
import dataclasses
import os
import pathlib
import re
import statistics
import time
from collections.abc import Callable

KIB_PER_MIB = 1024
GROWTH_MIB = 6.0
"""How much the private memory that is always held may grow from the second quarter of a run to its last."""
GROWTH_SHARE = 0.10
"""The same as a share, whichever is more."""
PLAY = {"fds": 2, "threads": 4}
"""Threads that wait for blocking work come and go; descriptors of one request may be open."""


@dataclasses.dataclass
class Sample:
    """One process at one moment."""

    at_s: float
    process: str
    rss_kib: int
    pss_kib: int
    private_kib: int
    fds: int
    threads: int


def look(process: str, pid: int) -> Sample | None:
    """`None` for a process that is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return Sample(
            at_s=time.monotonic(),
            process=process,
            rss_kib=int(fields["VmRSS"].split()[0]),
            pss_kib=int(re.search(r"^Pss: *(\d+)", rollup, re.MULTILINE)[1]),
            private_kib=int(fields["RssAnon"].split()[0]),
            fds=len(os.listdir(f"/proc/{pid}/fd")),
            threads=int(fields["Threads"]),
        )
    except (OSError, KeyError, TypeError):
        return None


class Meter:
    """Collects samples of one phase."""

    def __init__(self) -> None:
        self._rounds: list[list[Sample]] = []

    def take(self, processes: dict[str, int]) -> None:
        samples = [sample for name, pid in processes.items() if (sample := look(name, pid))]
        if len(samples) == len(processes):
            self._rounds.append(samples)

    def save(self, path: pathlib.Path) -> None:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([field.name for field in dataclasses.fields(Sample)])
            writer.writerows(dataclasses.astuple(sample) for samples in self._rounds for sample in samples)

    def judge(self, names: tuple[str, ...], held_of: Callable = min) -> list[str]:
        """Prints what the second quarter and the last one took, and names what grew between them.

        Of the private memory at rest the least of each quarter counts: an allocator keeps what was
        freed for a while, a leak is what is never given back. `held_of` is another measure for
        processes that are killed and begin again with little.
        """
        held_name = f"private, {held_of.__name__}"
        print(f"{'process':12} {'RSS MiB':>16} {held_name:>16} {'fds':>10} {'threads':>10}")
        grown = []
        for name in (*names, "all"):
            series = [one for samples in self._rounds if (one := self._of(samples, name))]
            if len(series) < 8:
                print(f"{name:12} too few samples ({len(series)}) to judge growth")
                continue
            quarter = len(series) // 4
            parts = (series[quarter : 2 * quarter], series[-quarter:])
            rss = [statistics.median(sample.rss_kib for sample in part) / KIB_PER_MIB for part in parts]
            held = [held_of([sample.private_kib for sample in part]) / KIB_PER_MIB for part in parts]
            counts = {
                key: [statistics.median(getattr(sample, key) for sample in part) for part in parts]
                for key in PLAY
            }
            cells = [f"{was:.1f} -> {now:.1f}" for was, now in (rss, held)]
            cells += [f"{was:.0f} -> {now:.0f}" for was, now in counts.values()]
            print(f"{name:12} {cells[0]:>16} {cells[1]:>16} {cells[2]:>10} {cells[3]:>10}")
            allowed = {"private MiB": max(GROWTH_MIB, held[0] * GROWTH_SHARE), **PLAY}
            grown += [
                f"{name}: {key} grew from {was:.1f} to {now:.1f}; {allowed[key]:.1f} are play"
                for key, (was, now) in {"private MiB": held, **counts}.items()
                if now - was > allowed[key]
            ]
        for key, words in (
            ("rss_kib", "RSS of all processes"),
            ("pss_kib", "the same, shared pages counted once"),
        ):
            totals = [
                sum(getattr(sample, key) for sample in samples) / KIB_PER_MIB for samples in self._rounds
            ]
            print(f"{words}: at most {max(totals, default=0):.1f} MiB in {len(totals)} samples")
        return grown

    def _of(self, samples: list[Sample], name: str) -> Sample | None:
        if name != "all":
            return next((sample for sample in samples if sample.process == name), None)

        def total(key: str) -> int:
            return sum(getattr(sample, key) for sample in samples)

        keys = ("rss_kib", "pss_kib", "private_kib", "fds", "threads")
        return Sample(samples[0].at_s, "all", *map(total, keys))
