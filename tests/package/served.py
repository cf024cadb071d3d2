"""What a real systemd makes of the package: started, watched, upgraded, killed, stopped, purged."""

import json
import pathlib
import time

from classroom import CAMERA, MICROPHONE, SCREEN
from machine import Machine, MachineError, until

UNIT = "lecternd.service"
SECURITY = "systemd-analyze security lecternd --no-pager"
CONFIG = """\
#:schema /usr/share/lectern/lectern.schema.json
[room]
id = "b204"
[storage]
reserve = "64MiB"
[recording]
undo = "0s"
"""


class Served:
    """One package on one machine. `broken` collects what did not hold."""

    def __init__(self, machine: Machine, debs: list[pathlib.Path], newer: pathlib.Path) -> None:
        self.machine, self._debs, self._newer = machine, debs, newer
        self.broken: list[str] = []

    def all(self) -> None:
        self._install()
        self._configure()
        lecture = self._record_through_everything()
        self._watchdog()
        self._fault_at_the_start()
        self._purge(lecture)

    def holds(self, sentence: str, true: object) -> None:
        print(f"  {'ok    ' if true else 'BROKEN'}  {sentence}", flush=True)
        if not true:
            self.broken.append(sentence)

    def journal(self) -> str:
        return self.machine.try_run("journalctl -u lecternd --no-pager -n 25")[1]

    def _unit(self, key: str) -> str:
        return self.machine.run(f"systemctl show -p {key} --value {UNIT}").strip()

    def _pid(self) -> int:
        return int(self._unit("MainPID"))

    def _status(self) -> dict | None:
        code, text = self.machine.try_run("lectern status --json")
        return json.loads(text) if code == 0 else None

    def _waits(self) -> list[str]:
        """What a reload has left for the end of the lecture."""
        return self._status()["config"]["waits"]

    def _live(self) -> bool:
        status = self._status()
        return bool(status) and all(source["health"] == "live" for source in status["sources"])

    def _records(self, run: int) -> bool:
        now = (self._status() or {}).get("lecture")
        return bool(now) and now["state"] == "recording" and now["run"] == run and self._live()

    def _install(self) -> None:
        for number, deb in enumerate([*self._debs, self._newer]):
            # A name that apt takes for a path, whatever the package is called.
            self.machine.put(deb, f"/root/{number}.deb")
        files = " ".join(f"/root/{number}.deb" for number in range(len(self._debs)))
        self.machine.run(f"apt-get install -y --no-install-recommends {files}")
        self.holds("installed, it is started", self._unit("ActiveState") == "active")
        until("an answer", lambda: self._status())
        said = self.machine.run(SECURITY).strip().splitlines()[-1]
        self.holds(said.lstrip("→ "), float(said.split(": ")[1].split()[0]) <= 2.0)

    def _configure(self) -> None:
        path = "/etc/lectern/lectern.toml"
        self.machine.run(f"cat > {path} <<'TOML'\n{CONFIG}{CAMERA}{MICROPHONE}{SCREEN}TOML\nlecternd check")
        pid = self._pid()
        self.machine.run(f"systemctl reload {UNIT}")
        until("sources live", lambda: self._live() and len(self._status()["sources"]) == 3)
        self.holds("reloaded, it has the room's own devices, in the same process", self._pid() == pid)
        code, said = self.machine.try_run("lectern doctor")
        print("".join(f"          {line}\n" for line in said.splitlines()), end="")
        # The machine's processor is weak and its clock unkept: things to look at, none to mend.
        self.holds("the doctor sees systemd and its watchdog", "watches its progress" in said and code == 0)

    def _record_through_everything(self) -> str:
        run = self.machine.run
        lecture = run("lectern start --title 'Under systemd'").strip()
        until("the recording", lambda: self._records(1))
        pid = self._pid()
        locked = "Lectern" in run("systemd-inhibit --list --no-pager")
        has_polkit = self.machine.try_run("systemctl cat polkit.service")[0] == 0
        refused = "machine cannot be kept awake" in self.journal()
        self.holds("the machine is kept awake" if locked else "no polkit here: it says that it cannot keep it awake",
                   locked if has_polkit else refused)
        time.sleep(5)
        run(f"apt-get install -y --no-install-recommends /root/{len(self._debs)}.deb")
        until("the reload after the upgrade", lambda: self._waits() == ["program"])
        self.holds("upgraded in mid-lecture, it records on in the same process", self._records(1) and self._pid() == pid)
        time.sleep(5)
        run(f"kill -9 {pid}")
        until("the recording after kill -9", lambda: self._records(2))
        new = self._pid()
        self.holds(f"killed, systemd starts it again ({self._unit('NRestarts')} restart), and it records on", new != pid)
        self.holds("now nothing waits for the new program", not self._waits())
        time.sleep(5)
        run(f"systemctl stop {UNIT}")
        self.holds("stopped, it ended well", self._unit("Result") == "success")
        code, said = self.machine.try_run("runuser -u lectern -- lecternd fsck")
        self.holds(f"and closed its segments: fsck says {said.strip().splitlines()[-1]}", code == 0)
        run(f"systemctl start {UNIT}")
        until("the recording after the stop", lambda: self._records(3))
        time.sleep(5)
        run("lectern stop")
        run(f"lectern wait {lecture} --until finished --timeout 120s")
        shown = json.loads(run(f"lectern show {lecture} --json"))
        gaps = [part["gap_before_ms"] for part in shown["runs"][1:]]
        self.holds(f"three runs with gaps of {gaps} ms", len(shown["runs"]) == 3)
        self._entries(lecture)
        return lecture

    def _entries(self, lecture: str) -> None:
        said = self.machine.run(f"journalctl -u lecternd -o json --no-pager LECTURE_ID={lecture}")
        entries = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        states = [entry["LECTERN_TO"] for entry in entries if "LECTERN_TO" in entry]
        self.holds(f"the journal finds the lecture by its field: {', '.join(states)}", "captured" in states)
        explained = self.machine.run("journalctl -x -u lecternd --no-pager")
        self.holds("and explains a fault from the catalog", "Defined-By: " in explained and "Class: " in explained)
        lines = self.machine.run("journalctl -o cat --no-pager _COMM=lectern-source").splitlines()
        marked = [line for line in lines if line.startswith(("20", "<"))]
        self.holds(f"{len(lines)} lines of sources have neither time nor level twice", lines and not marked)

    def _watchdog(self) -> None:
        until("the sources after the lecture", self._live)
        pid, before = self._pid(), int(self._unit("NRestarts"))
        began = time.monotonic()
        self.machine.run(f"kill -STOP {pid}")
        until("the watchdog", lambda: int(self._unit("NRestarts")) > before and self._status())
        took = time.monotonic() - began
        self.holds(f"frozen, the watchdog kills it and it answers again after {took:.0f} s", self._pid() != pid)

    def _fault_at_the_start(self) -> None:
        path = "/etc/lectern/lectern.toml"
        self.machine.run(f"cp {path} /root/good.toml; echo 'sauce = 1' >> {path}")
        code, _ = self.machine.try_run(f"systemctl reload {UNIT}")
        self.holds("a faulty edit is refused by the reload, and it runs on", code != 0 and self._status())
        self.machine.try_run(f"systemctl restart {UNIT}")
        until("the end of trying", lambda: self._unit("ActiveState") == "failed")
        self.holds(f"started with it, it stays down with exit {self._unit('ExecMainStatus')}",
                   self._unit("ExecMainStatus") == "78")
        last = [line for line in self.journal().splitlines() if "lectern.toml:" in line]
        self.holds("and the journal names the place: " + (last[-1].split("]: ")[-1] if last else ""), last)
        self.machine.run(f"cp /root/good.toml {path}; systemctl reset-failed {UNIT}; systemctl start {UNIT}")
        until("the mended room", self._live)

    def _purge(self, lecture: str) -> None:
        self.machine.run("apt-get purge -y lectern")
        left = self.machine.run(f"ls -d /var/lib/lectern/lectures/*{lecture}/finished/*.mp4 | wc -l").strip()
        self.holds(f"purged: the recordings are left ({left} files)", int(left) > 0)
        try:
            until("no unit", lambda: self._unit("LoadState") == "not-found")
            self.holds("and no unit", True)
        except MachineError:
            self.holds("and no unit", False)
