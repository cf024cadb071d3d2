#!/usr/bin/env python3
"""A real Prometheus that watches many rooms: what a scrape takes and what the server needs.

usage: watch.py --rooms PROGRAM [--count 100] [--seconds 180] [--scrape 15]

PROGRAM is `rooms`, the example of lectern-panel: panels with the real metrics and scripted rooms.
Prints one JSON object. Nothing is judged but that every room was up.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

MONITORING = pathlib.Path(__file__).resolve().parents[2] / "config" / "monitoring"


def query(port: int, expression: str) -> list[float]:
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(url, timeout=30) as answer:
        return [float(sample["value"][1]) for sample in json.load(answer)["data"]["result"]]


def ready(port: int) -> None:
    """Waits until Prometheus answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("Prometheus does not answer")
            time.sleep(0.5)


def processor_s(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_mib(pid: int) -> float:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def tell(asked: argparse.Namespace, said: dict) -> None:
    """For the table of scripts/bench."""
    of = f"{asked.count} rooms, {asked.seconds} s"
    for what, key, unit, beside in (
        ("rooms that are up for Prometheus", "up", "rooms", [["asked", asked.count]]),
        ("a scrape, median", "scrape_p50_ms", "ms", []),
        ("a scrape, p95 of the rooms' worst", "scrape_p95_ms", "ms", [["the interval", asked.scrape * 1000]]),
        ("Prometheus's memory", "prometheus_memory_mib", "MiB", []),
        ("a scraped room's processor", "rooms_cores_each", "cores", []),
    ):
        print("figure " + json.dumps({"what": what, "ours": said[key], "unit": unit, "of": of, "beside": beside}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--scrape", type=int, default=15)
    parser.add_argument("--port", type=int, default=19090)
    parser.add_argument("--first", type=int, default=20000, help="port of the first room")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        targets = [f"127.0.0.1:{asked.first + room}" for room in range(asked.count)]
        config = pathlib.Path(folder, "prometheus.yml")
        # JSON is YAML.
        config.write_text(json.dumps({
            "global": {"scrape_interval": f"{asked.scrape}s", "evaluation_interval": "30s"},
            "rule_files": [str(MONITORING / "lectern.rules.yml")],
            "scrape_configs": [{"job_name": "lectern", "static_configs": [{"targets": targets}]}],
        }))
        rooms = subprocess.Popen([asked.rooms, str(asked.count), str(asked.first)], stdout=subprocess.PIPE)
        rooms.stdout.readline()
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{asked.port}", "--log.level=error"])
        try:
            ready(asked.port)
            begun, before, before_rooms = time.monotonic(), processor_s(prometheus.pid), processor_s(rooms.pid)
            time.sleep(asked.seconds)
            took = time.monotonic() - begun
            span = f"[{asked.seconds}s]"
            def one(expression: str) -> float:
                return query(asked.port, expression)[0]

            said = {
                "rooms": asked.count,
                "up": one('sum(up{job="lectern"})'),
                "scrapes": one(f'sum(count_over_time(up{{job="lectern"}}{span}))'),
                "scrapes_failed": one(f'sum(count_over_time(up{{job="lectern"}}{span}) - sum_over_time(up{{job="lectern"}}{span}))'),
                "scrape_p50_ms": round(1000 * one(f'quantile(0.5, avg_over_time(scrape_duration_seconds{span}))'), 2),
                "scrape_p95_ms": round(1000 * one(f'quantile(0.95, max_over_time(scrape_duration_seconds{span}))'), 2),
                "series_per_room": one("max(scrape_samples_scraped)"),
                "series_in_all": one("sum(scrape_samples_scraped)"),
                "prometheus_memory_mib": round(memory_mib(prometheus.pid)),
                "prometheus_cores": round((processor_s(prometheus.pid) - before) / took, 4),
                "rooms_cores_each": round((processor_s(rooms.pid) - before_rooms) / took / asked.count, 5),
            }
            print(json.dumps(said))
            tell(asked, said)
        finally:
            for program in (prometheus, rooms):
                program.terminate()
                program.wait()


if __name__ == "__main__":
    main()
