"""A recorder installed on the machine as its README says: programs, unit, user, configuration."""

import json
import pathlib
import shutil
import subprocess
import tempfile

from machine import PATIENCE_S, Machine, MachineError, until

HERE = pathlib.Path(__file__).resolve().parent
UNITS = {
    "lecternd.service": "/etc/systemd/system/lecternd.service",
    "sysusers.d/lectern.conf": "/usr/lib/sysusers.d/lectern.conf",
    "tmpfiles.d/lectern.conf": "/usr/lib/tmpfiles.d/lectern.conf",
}
DROP_IN = """\
[Unit]
# The disk that recordings go to: without it they would land under the mount point.
RequiresMountsFor=/data
[Service]
ReadWritePaths=/data
"""
CONFIG = """\
[room]
id = "classroom"
[storage]
path = "/data/lectern"
reserve = "64MiB"
sync_every = "1s"
segment = "5s"
[recording]
undo = "0s"
gap_card = true
[panel]
listen = "off"
"""
CAMERA = """
[[source]]
name = "camera"
role = "presenter"
kind = "v4l2"
device = "/dev/video0"
width = 640
height = 360
fps = 15
bitrate = "800kbit/s"
"""
SCREEN = """
[[source]]
name = "screen"
role = "presentation"
kind = "x11"
display = ":0"
fps = 2
"""
MICROPHONE = """
[[source]]
name = "microphone"
role = "microphone"
kind = "alsa"
device = "hw:Loopback,1,0"
"""
SHARE = """
[[platform]]
name = "share"
kind = "directory"
path = "/data/share"
create = true
send = ["lecture", "tracks", "metadata"]
"""
ROOM = CAMERA + SCREEN + MICROPHONE + SHARE


class Classroom:
    """The recorder on a machine. Calls block; what never comes raises `MachineError`."""

    def __init__(self, machine: Machine, root: pathlib.Path, programs: pathlib.Path) -> None:
        self.machine = machine
        self._root = root
        self._programs = programs

    def install(self, tables: str = ROOM, drop_in: str = DROP_IN) -> None:
        """Puts everything in place and starts the service."""
        put = self.machine.put
        with tempfile.TemporaryDirectory() as folder:
            for name in ("lecternd", "lectern-source", "lectern"):
                slim = pathlib.Path(folder) / name
                # Debug information would only take the machine's memory and time.
                if subprocess.run(
                    ["strip", "-o", slim, self._programs / name], capture_output=True
                ).returncode:
                    shutil.copy(self._programs / name, slim)
                put(slim, f"/usr/bin/{name}")
            for name, place in UNITS.items():
                put(self._root / "systemd" / name, place)
            self.place(drop_in, "/etc/systemd/system/lecternd.service.d/room.conf")
            put(HERE / "ledger.py", "/usr/local/lib/lectern-ledger.py")
        self.machine.run(
            "systemd-sysusers && systemd-tmpfiles --create 2>/dev/null; install -d -o lectern -g lectern -m 750"
            " /data/lectern /data/share && systemctl daemon-reload && systemctl enable -q lecternd"
        )
        self.configure(tables)
        # An installation is minutes or years old when the power fails: not files without a byte.
        self.machine.run("sync && systemctl start lecternd")

    def configure(self, tables: str, base: str = CONFIG) -> None:
        """Writes the configuration and has the recorder check it; takes effect at its next start."""
        self.place(base + tables, "/etc/lectern/lectern.toml")
        self.machine.run("chgrp lectern /etc/lectern/lectern.toml && lecternd check --no-devices")

    def place(self, text: str, place: str) -> None:
        """Writes a file on the machine."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "text"
            file.write_text(text)
            self.machine.put(file, place)

    def lectern(self, words: str) -> str:
        return self.machine.run(f"lectern {words}").strip()

    def status(self) -> dict | None:
        """The status document; `None` while the recorder does not answer."""
        code, text = self.machine.try_run("lectern status --json")
        try:
            return json.loads(text) if code == 0 else None
        except json.JSONDecodeError:
            return None

    def source(self, name: str) -> dict:
        """What the status says of one source; empty while the recorder does not answer."""
        status = self.status() or {"sources": []}
        return next((source for source in status["sources"] if source["name"] == name), {})

    def await_live(self) -> dict:
        """Waits until every source delivers."""

        def live() -> dict | None:
            status = self.status()
            all_live = status and all(source["health"] == "live" for source in status["sources"])
            return status if all_live else None

        try:
            return until("all sources live", live)
        except MachineError as error:
            raise MachineError(f"{error}: {self.status()}\n{self.journal(40)}") from error

    def await_recording(self, lecture: str, run: int, patience: float = PATIENCE_S) -> dict:
        """Waits until this run of the lecture has something of every source on the disk."""

        def records() -> dict | None:
            status = self.status()
            now = status and status.get("lecture")
            if not now or (now["id"], now["state"], now["run"]) != (lecture, "recording", run):
                return None
            written = all(source["health"] == "live" and source["bytes"] > 0 for source in status["sources"])
            return status if written else None

        try:
            return until(f"run {run} of lecture {lecture}", records, patience)
        except MachineError as error:
            raise MachineError(f"{error}: {self.status()}\n{self.journal(40)}") from error

    def await_state(self, lecture: str, state: str) -> None:
        self.machine.run(f"lectern wait {lecture} --until {state} --timeout 300s", patience=400)

    def ledger(self, lecture: str) -> dict:
        """Runs, segments and quarantined files as database and disk have them; see `ledger.py`."""
        return json.loads(self.machine.run(f"python3 /usr/local/lib/lectern-ledger.py {lecture}"))

    def fetch(self, files: list[str], target: pathlib.Path) -> None:
        """Copies files of the machine into a folder here, with their folders below `/data`."""
        if not files:
            return
        archive = "/dev/shm/fetch.tar"
        names = " ".join(f"'{name}'" for name in files)
        self.machine.run(f"tar cf {archive} -C /data --dereference {names.replace('/data/', '')}")
        local = target / "fetch.tar"
        self.machine.get(archive, local)
        self.machine.run(f"rm {archive}")
        subprocess.run(["tar", "xf", local, "-C", target, "--warning=no-timestamp"], check=True)
        local.unlink()

    def fsck(self) -> tuple[int, str]:
        """Stops the service and compares spool and database; exit code and findings."""
        return self.machine.try_run(
            "systemctl stop lecternd && runuser -u lectern -- lecternd fsck", patience=600
        )

    def journal(self, lines: int = 100_000) -> str:
        """The recorder's log of this boot and those before, as far as the machine kept it."""
        return self.machine.try_run(f"journalctl -u lecternd --no-pager -o short-monotonic -n {lines}")[1]
