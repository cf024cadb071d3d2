#!/usr/bin/python3
"""Runs on the machine: what database and disk say of a lecture, as one JSON document.

usage: lectern-ledger.py LECTURE [SPOOL]

It reads the database beside the running recorder and hashes each closed segment that the rows
name, so that a row is never believed without its bytes.
"""

import hashlib
import json
import pathlib
import sqlite3
import sys


def digest(path: pathlib.Path) -> tuple[int, str] | None:
    try:
        with path.open("rb") as file:
            return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def main() -> None:
    lecture = sys.argv[1]
    spool = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "/data/lectern")
    uptime = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    book = sqlite3.connect(f"file:{spool}/lectern.db?mode=ro", uri=True, timeout=20)
    book.row_factory = sqlite3.Row

    def rows(sql: str) -> list[dict]:
        return [dict(row) for row in book.execute(sql, {"lecture": lecture})]

    (head,) = rows("SELECT * FROM lectures WHERE id = :lecture")
    folder = spool / "lectures" / head["folder"]
    segments = rows("SELECT * FROM segments WHERE lecture = :lecture ORDER BY source, number")
    for segment in segments:
        path = folder / segment["source"] / f"{segment['number']:08}.mp4"
        segment["path"] = str(path)
        segment["sound"] = digest(path) == (segment["bytes"], segment["sha256"])
    json.dump(
        {
            "uptime": uptime,
            "lecture": head,
            "runs": rows("SELECT * FROM runs WHERE lecture = :lecture ORDER BY run"),
            "pauses": rows("SELECT * FROM pauses WHERE lecture = :lecture ORDER BY run, from_ns"),
            "segments": segments,
            "quarantine": sorted(str(path) for path in (spool / "quarantine").rglob("*") if path.is_file()),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
