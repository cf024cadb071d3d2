#!/usr/bin/python3
"""Makes the one table of what the jobs of scripts/bench told.

usage: tests/bench/table.py FOLDER

FOLDER has jobs.tsv (job, exit status, begin, end, load before, load after) and a JOB.log for each;
README.md beside this file describes the lines in them. Writes table.json and table.csv there and
prints the table. Exit: 0 every job was measured, 1 one failed or told something unreadable.
"""

import csv
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The test harness writes a test's name before its first line, without an end of line.
TOLD = re.compile(r"(?:^|\s)(figure|beside) (\{.*\})\s*$")
COLUMNS = ("job", "what", "ours", "unit", "beside", "theirs", "ratio", "of", "counts", "command", "status")


def told(log: str) -> list[dict]:
    """The figures of one log, each with all that was told to stand beside it, in the order of the log."""
    figures: list[dict] = []
    beside: dict[str, list[dict]] = {}
    for line in log.splitlines():
        if not (found := TOLD.search(line)):
            continue
        kind, said = found[1], json.loads(found[2])
        if kind == "beside":
            beside.setdefault(said["what"], []).append({"name": said["name"], "value": said["value"]})
        else:
            figures.append({
                "what": said["what"],
                "ours": said["ours"],
                "unit": said["unit"],
                "of": said.get("of", ""),
                "beside": [{"name": name, "value": value} for name, value in said.get("beside", [])],
            })
    for figure in figures:
        figure["beside"] += beside.pop(figure["what"], [])
        for other in figure["beside"]:
            # Nothing is a multiple of zero, and of "none" neither.
            other["ratio"] = round(figure["ours"] / other["value"], 3) if other["value"] else None
    if beside:
        raise ValueError(f"stands beside no figure: {', '.join(beside)}")
    return figures


def claimed() -> dict[str, list[dict]]:
    """What the README's table says, by the job that its command names."""
    claims: dict[str, list[dict]] = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 3 and (named := re.fullmatch(r"`scripts/bench (\w+)`", cells[2].rstrip("| "))):
            claims.setdefault(named[1], []).append({"what": cells[0], "figure": cells[1]})
    return claims


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def revision() -> str:
    def git(*words: str) -> str:
        asked = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return asked.stdout.strip()

    commit = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no")
    return (commit or "unknown") + (" and changes" if changed else "")


def job(folder: pathlib.Path, fields: list[str], counts: str) -> dict:
    """One job with its figures and whether it came to an end."""
    name, status, began, ended, before, after = fields
    log = (folder / f"{name}.log").read_text(errors="replace")
    made = {
        "job": name,
        "status": {"0": "measured", "2": "not measured"}.get(status, "failed"),
        "counts": counts,
        "command": f"scripts/bench {'--quick ' if counts == 'quick' else ''}{name}",
        "seconds": round(float(ended) - float(began), 1),
        "load_before": float(before),
        "load_after": float(after),
        "figures": [],
        "claims": claimed().get(name, []),
    }
    try:
        made["figures"] = told(log)
    except (ValueError, KeyError, TypeError) as fault:
        made.update(status="failed", why=f"told what cannot be read: {fault!r}")
    if made["status"] != "measured":
        # What lacks is said first, what broke last.
        said = [line for line in log.splitlines() if line.strip()] or ["said nothing"]
        made.setdefault("why", said[0] if made["status"] == "not measured" else said[-1])
    elif not made["figures"]:
        made.update(status="failed", why="told no figure")
    return made


def rows(jobs: list[dict]) -> list[dict]:
    """One for each figure and each thing beside it; one for a job that has none."""
    made = []
    for each in jobs:
        common = {key: each[key] for key in ("job", "counts", "command", "status")}
        for figure in each["figures"]:
            for other in figure["beside"] or [{"name": "", "value": "", "ratio": None}]:
                made.append({
                    **common, **{key: figure[key] for key in ("what", "ours", "unit", "of")},
                    "beside": other["name"], "theirs": other["value"], "ratio": other["ratio"],
                })
        if not each["figures"] or each["status"] == "failed":
            made.append({**dict.fromkeys(COLUMNS, ""), **common, "ratio": None, "what": each.get("why", "")})
    return made


def number(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def printed(made: list[dict]) -> str:
    """The table for people, in Markdown."""
    lines = ["| job | what | ours | beside it | ratio | of |", "|---|---|---|---|---|---|"]
    last = None
    for row in made:
        if row["ours"] == "":
            lines.append(f"| {row['job']} | {row['status']}: {row['what'][:160]} | | | | |")
            continue
        name = (row["job"], row["what"])
        first = (row["job"], row["what"], f"{number(row['ours'])} {row['unit']}".strip())
        cells, of = (first, row["of"]) if name != last else (("", "", ""), "")
        last = name
        other = f"{row['beside']} {number(row['theirs'])}".strip() if row["beside"] else ""
        ratio = "" if row["ratio"] is None else f"{number(row['ratio'])} x"
        lines.append(f"| {' | '.join(cells)} | {other} | {ratio} | {of} |")
    return "\n".join(lines)


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    counts, build = os.environ.get("LECTERN_BENCH_COUNTS", "full"), os.environ.get("LECTERN_BENCH_BUILD", "release")
    run = [line.split("\t") for line in (folder / "jobs.tsv").read_text().splitlines()]
    jobs = [job(folder, fields, counts) for fields in run]
    table = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "revision": revision(),
        "build": build,
        "counts": counts,
        "machine": {"cores": os.cpu_count(), "processor": processor(), "kernel": platform.release()},
        "load_before": jobs[0]["load_before"] if jobs else None,
        "load_after": jobs[-1]["load_after"] if jobs else None,
        "jobs": jobs,
    }
    (folder / "table.json").write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    made = rows(jobs)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(made)
    machine = table["machine"]
    print(f"\n{table['date']}, {machine['cores']} cores, {machine['processor']}, Linux {machine['kernel']}, "
          f"load {table['load_before']} before and {table['load_after']} after, {table['revision']}, "
          f"{build} build, {counts} counts\n")
    print(printed(made))
    if build != "release":
        print("\nDebug programs: these figures are worth nothing.")
    return 1 if any(each["status"] == "failed" for each in jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
