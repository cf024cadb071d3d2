"""What the processes take, over time, and whether it grows."""

import csv
import dataclasses
import os
import pathlib
import re
import statistics
import time

KIB_PER_MIB = 1024
GROWTH_MIB = 6.0
"""How much private memory may grow from the middle of a run to its end: the allocator's play."""
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

    def judge(self, names: tuple[str, ...]) -> list[str]:
        """Prints a table and names what grew between the second quarter and the last one."""
        print(f"{'process':12} {'RSS MiB':>16} {'private MiB':>18} {'fds':>12} {'threads':>12}")
        grown = []
        for name in (*names, "all"):
            series = [self._of(samples, name) for samples in self._rounds]
            series = [one for one in series if one]
            if len(series) < 8:
                print(f"{name:12} too few samples ({len(series)}) to judge growth")
                continue
            quarter = len(series) // 4
            early, late = series[quarter : 2 * quarter], series[-quarter:]
            cells = []
            for key, unit in (
                ("rss_kib", KIB_PER_MIB),
                ("private_kib", KIB_PER_MIB),
                ("fds", 1),
                ("threads", 1),
            ):
                before, after = (
                    statistics.median(getattr(s, key) for s in part) / unit for part in (early, late)
                )
                digits = 1 if unit > 1 else 0
                cells.append(f"{before:.{digits}f} -> {after:.{digits}f}")
                allowed = max(GROWTH_MIB, before * GROWTH_SHARE) if unit > 1 else PLAY[key]
                if key != "rss_kib" and after - before > allowed:
                    grown.append(
                        f"{name}: {key} grew from {before:.1f} to {after:.1f}; {allowed:.1f} are play"
                    )
            print(f"{name:12} {cells[0]:>16} {cells[1]:>18} {cells[2]:>12} {cells[3]:>12}")
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
