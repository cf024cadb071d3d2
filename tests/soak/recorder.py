"""A recorder in a folder of its own, and its API on the control socket."""

import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess

from stage import Screen, Sound, until

CONFIG = """\
[room]
id = "soak"
[storage]
path = "{here}/spool"
reserve = "64MiB"
sync_every = "1s"
segment = "10s"
[recording]
undo = "1s"
[panel]
listen = "off"
[control]
socket = "{here}/control.sock"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
width = 640
height = 360
fps = 30
[[source]]
name = "screen"
role = "presentation"
kind = "x11"
display = "{display}"
fps = 5
[[source]]
name = "beep"
role = "microphone"
kind = "test-audio"
[[source]]
name = "microphone"
role = "microphone"
kind = "pulse"
device = "{sound}"
[[platform]]
name = "share"
kind = "directory"
path = "{here}/platform"
create = true
send = ["lecture", "tracks", "metadata"]
"""
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "262144"}
"""Lets the C library give back every large block at once. What it keeps otherwise, in holes between
lectures, jumps by 20 MiB and would hide a leak; it makes the processes look smaller than they are."""
SOURCES = ("camera", "screen", "beep", "microphone")


class Refused(Exception):
    """The recorder said no."""


class _Socket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("recorder", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Recorder:
    """Starts with its stage; ends with `close`. Calls block."""

    def __init__(self, folder: pathlib.Path, programs: pathlib.Path) -> None:
        self.folder = folder
        self._programs = programs
        self._daemon: subprocess.Popen | None = None
        self.screen = Screen()
        self.sound = Sound(folder)
        config = CONFIG.format(here=folder, display=self.screen.display, sound=Sound.SOURCE)
        (folder / "lectern.toml").write_text(config)
        self.screen.start()
        self.sound.start()

    @property
    def pid(self) -> int:
        assert self._daemon, "the recorder runs"
        return self._daemon.pid

    def start(self) -> None:
        """Starts the daemon and waits until every source delivers."""
        with (self.folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [
                    self._programs / "lecternd",
                    "--log-format",
                    "json",
                    "--config",
                    self.folder / "lectern.toml",
                ],
                env={**GIVE_BACK, **os.environ, "PULSE_SERVER": self.sound.address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.await_live()

    def kill(self) -> None:
        """`kill -9` of the daemon; its sources die with it."""
        assert self._daemon
        self._daemon.kill()
        self._daemon.wait()

    def end(self) -> int:
        """SIGTERM; the daemon's exit code."""
        assert self._daemon
        self._daemon.send_signal(signal.SIGTERM)
        return self._daemon.wait(30)

    def close(self) -> None:
        if self._daemon and self._daemon.poll() is None:
            self._daemon.kill()
            self._daemon.wait()
        self.screen.kill()
        self.sound.kill()

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        """One request; raises `Refused` on a problem document and `OSError` without a daemon."""
        line = _Socket(str(self.folder / "control.sock"))
        try:
            text = json.dumps(body) if body is not None else None
            line.request(method, path, text, {"content-type": "application/json"} if text else {})
            answer = line.getresponse()
            data = answer.read()
        except http.client.HTTPException as fault:
            raise OSError(f"the daemon answered nonsense: {fault}") from fault
        finally:
            line.close()
        document = json.loads(data) if data else {}
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {document.get('detail')}")
        return document

    def press(self, button: str, body: dict | None = None) -> dict:
        return self.ask("POST", f"/api/v1/recording{button}", body if body is not None else {})

    def status(self) -> dict | None:
        try:
            return self.ask("GET", "/api/v1/status")
        except (OSError, Refused):
            return None

    def await_live(self) -> None:
        def live() -> bool:
            assert self._daemon and self._daemon.poll() is None, "the daemon ended by itself; see its log"
            status = self.status()
            return bool(status) and all(source["health"] == "live" for source in status["sources"])

        until("all sources live", live)

    def await_state(self, lecture: str, state: str) -> dict:
        def reached() -> dict | None:
            detail = self.ask("GET", f"/api/v1/lectures/{lecture}")
            if detail["state"] == "failed":
                raise Refused(f"lecture {lecture} failed: {detail['reason']}")
            return detail if detail["state"] == state else None

        return until(f"lecture {lecture} {state}", reached)

    def await_written(self, more_than: int = 0) -> None:
        """Waits until the lecture at work has bytes of every source, and more than so many in all."""

        def written() -> bool:
            status = self.status() or {"lecture": None, "sources": []}
            sizes = [source["bytes"] for source in status["sources"]]
            return bool(status["lecture"]) and bool(sizes) and all(sizes) and sum(sizes) > more_than

        until("bytes of every source", written, every=0.02)

    def processes(self) -> dict[str, int]:
        """Process ids of the daemon and its sources, by name."""
        found = {"lecternd": self.pid}
        children = pathlib.Path(f"/proc/{self.pid}/task").glob("*/children")
        for child in (pid for path in children for pid in path.read_text().split()):
            try:
                words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--name" in words:
                found[words[words.index(b"--name") + 1].decode()] = int(child)
        return found

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Reads from the database beside the daemon."""
        book = sqlite3.connect(f"file:{self.folder}/spool/lectern.db?mode=ro", uri=True, timeout=20)
        book.row_factory = sqlite3.Row
        try:
            return book.execute(sql, values).fetchall()
        finally:
            book.close()

    def fsck(self) -> tuple[int, str]:
        """Compares spool and database; the daemon must be down."""
        words = [self._programs / "lecternd", "--config", self.folder / "lectern.toml", "fsck"]
        done = subprocess.run(words, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr
