#!/usr/bin/python3
"""Sends the same file over loopback by several ways in turn, and shows what each costs.

usage: tests/line/upload.py --send PROGRAM --tus DIR --client DIR [--mib N] [--rounds N]

  lectern        tus to the real @tus/server, each part's hash checked on the way
  lectern yield  the same, giving way to others
  tus-js-client  the reference client to the same server
  curl PUT       to nginx: the floor for any upload over HTTP; nothing is resumed or checked

PROGRAM is the example `send`, which tells its own figures: it hashes the parts of the file before
it begins, as finishing a lecture does, and that is no part of sending. The folders are what fixtures/tus-server and fixtures/judge-clients
install. Speed and memory are this machine's; processor seconds are the steadier figure.
Exit: 0 measured, 1 an upload failed, 2 this machine cannot do it.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TUS_PORT, NGINX_PORT = 18181, 18182
CLIENT = """
import fs from "node:fs";
import * as tus from "tus-js-client";
const [endpoint, file] = process.argv.slice(2);
const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint, uploadSize: fs.statSync(file).size, chunkSize: Infinity, metadata: { filename: "lecture.mp4" },
  onError: (error) => { console.error(String(error)); process.exit(1); },
});
upload.start();
"""
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2;
  uwsgi_temp_path {folder}/t3; scgi_temp_path {folder}/t4; client_max_body_size 0;
  server {{ listen 127.0.0.1:{port}; root {folder}/kept; dav_methods PUT; create_full_put_path on; }}
}}
"""


def spent(words: list[str], folder: pathlib.Path, log: pathlib.Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and MiB of memory of one command. Its memory is never told as less than this
    process's own, which it is born with."""
    begun = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(words, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} failed: {log.read_text()[-600:]}")
    return time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def told(log: pathlib.Path) -> tuple[float, float, float]:
    """What `send` says of itself, in the same order."""
    said = re.search(r"(\d+) bytes in ([\d.]+) s, .* ([\d.]+) CPU s/GiB, largest memory (\d+) MiB", log.read_text())
    size, took, cpu, memory = (float(word) for word in said.groups())
    return took, cpu * size / (1 << 30), memory


def emptied(folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # What the last upload left to be written must not slow the next.
    os.sync()


def main() -> int:
    words = argparse.ArgumentParser(usage=__doc__)
    words.add_argument("--send", required=True, type=pathlib.Path)
    words.add_argument("--tus", required=True, type=pathlib.Path)
    words.add_argument("--client", required=True, type=pathlib.Path)
    words.add_argument("--mib", type=int, default=1024)
    words.add_argument("--rounds", type=int, default=3)
    words = words.parse_args()
    if shutil.which("node") is None:
        print("Not measured: node is not installed.")
        return 2
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file, kept = folder / "lecture.mp4", folder / "kept"
        with file.open("wb") as out:
            for _ in range(words.mib):
                out.write(os.urandom(1 << 20))
        emptied(kept)
        # Modules are looked for beside the script.
        script = words.client.resolve() / "upload.mjs"
        script.write_text(CLIENT)
        servers = [subprocess.Popen(["node", "server.mjs", str(kept), str(TUS_PORT)], cwd=words.tus,
                                    stdout=subprocess.PIPE, text=True)]
        servers[0].stdout.readline()
        tus, put = f"http://127.0.0.1:{TUS_PORT}/files", f"http://127.0.0.1:{NGINX_PORT}/lecture.mp4"
        ways = {
            "lectern": [str(words.send.resolve()), tus, str(file)],
            "lectern yield": [str(words.send.resolve()), tus, str(file), "--yield"],
            "tus-js-client": ["node", str(script), tus, str(file)],
        }
        if nginx:
            (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=NGINX_PORT))
            # Its workers must be able to write into the folder.
            os.chmod(folder, 0o777)
            servers.append(subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-g", "user root;"]
                                            if os.geteuid() == 0 else [nginx, "-c", str(folder / "nginx.conf")]))
            ways["curl PUT"] = ["curl", "--silent", "--fail", "--retry", "5", "--retry-connrefused", "-T", str(file), put]
        else:
            print("(no nginx here: the floor is not measured)")
        figures: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
        try:
            for _ in range(words.rounds):
                for way, command in ways.items():
                    emptied(kept)
                    outside = spent(command, folder, folder / "log")
                    figures[way].append(told(folder / "log") if way.startswith("lectern") else outside)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
            script.unlink()
        gib = words.mib / 1024
        print(f"{words.mib} MiB, {words.rounds} rounds in turn, medians")
        print("| upload | MiB/s | CPU s/GiB | memory MiB |\n|---|---|---|---|")
        for way, rows in figures.items():
            took, cpu, memory = (statistics.median(column) for column in zip(*rows))
            print(f"| {way} | {words.mib / took:.0f} | {cpu / gib:.2f} | {memory:.0f} |")
        medians = {way: [statistics.median(column) for column in zip(*rows)] for way, rows in figures.items()}
        ours, of = medians.pop("lectern"), f"{words.rounds} rounds of {words.mib} MiB"
        for what, unit, read in (
            ("rate of an upload", "MiB/s", lambda row: words.mib / row[0]),
            ("processor of an upload", "CPU s/GiB", lambda row: row[1] / gib),
            ("memory of an upload", "MiB", lambda row: row[2]),
        ):
            beside = [[way, round(read(row), 2)] for way, row in medians.items()]
            figure = {"what": what, "ours": round(read(ours), 2), "unit": unit, "of": of, "beside": beside}
            print("figure " + json.dumps(figure))
    return 0


if __name__ == "__main__":
    sys.exit(main())
