"""What an administrator does with the package, in order, and what must hold after each step."""

import pathlib
import shutil
import subprocess
import time

from bare import Bare, BareError

LOG = "/var/log/lecternd.log"
# As the unit starts it: systemd makes the two folders, and the program is its main process.
START = "exec /usr/bin/lecternd --config /etc/lectern/lectern.toml"
FOLDERS = "install -d -o lectern -g lectern -m 0750 /run/lectern /var/cache/lectern"
PAGE = "exec 3<>/dev/tcp/127.0.0.1/8470; printf 'GET / HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' >&3; head -1 <&3"


class Proof:
    """One package on one system. `broken` collects what did not hold."""

    def __init__(self, bare: Bare, deb: pathlib.Path, newer: pathlib.Path, seconds: int, lean: bool) -> None:
        self.bare, self._deb, self._newer, self._seconds = bare, deb, newer, seconds
        self._how = "--no-install-recommends " if lean else ""
        self.broken: list[str] = []
        self._daemon: subprocess.Popen | None = None

    def all(self) -> None:
        self._install()
        self._first_use()
        lecture = self._upgrade_in_mid_lecture()
        self._remove_and_purge(lecture)

    def holds(self, sentence: str, true: object) -> None:
        print(f"  {'ok    ' if true else 'BROKEN'}  {sentence}", flush=True)
        if not true:
            self.broken.append(sentence)

    def log_tail(self) -> str:
        log = self.bare.root / LOG.lstrip("/")
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""

    def _apt(self, words: str) -> str:
        # No terminal and no frontend: whoever asks a question fails here.
        return self.bare.run(f"DEBIAN_FRONTEND=teletype apt-get -y -q {words}", online=True)

    def _put(self, deb: pathlib.Path, name: str) -> None:
        shutil.copy(deb, self.bare.root / "tmp" / name)

    def _install(self) -> None:
        self._put(self._deb, "lectern.deb")
        self._began = time.monotonic()
        self._apt("update")
        said = self._apt(f"install {self._how}/tmp/lectern.deb")
        took = time.monotonic() - self._began
        packages = said.count("Setting up ")
        print(f"  ..      apt-get update, apt-get install {self._how}: {took:.0f} s, {packages} packages")
        run = self.bare.run
        self.holds("it is installed", "ok installed" in run("dpkg -s lectern"))
        self.holds("it wrote a first configuration", "lectern.toml, a room with test sources" in said)
        mode = run("stat -c '%U:%G %a' /etc/lectern/lectern.toml").strip()
        self.holds(f"which only root writes and the recorder reads ({mode})", mode == "root:lectern 640")
        self.holds("the room is called as the machine", 'id = "podium-12"' in run("cat /etc/lectern/lectern.toml"))
        self.holds("the unit is enabled", "enabled" in run("systemctl is-enabled lecternd"))
        self.holds("the kiosk's is not", self.bare.try_run("systemctl is-enabled lectern-kiosk")[0])
        groups = run("id -nG lectern").split()
        self.holds(f"the user has its groups ({' '.join(groups)})", {"video", "audio"} <= set(groups))
        listed = run("dpkg -L lectern")
        for part in ("man/man1/lectern-status.1.gz", "man/man5/lectern.toml.5.gz", "man/man8/lecternd.8.gz",
                     "bash-completion/completions/lectern", "lectern/lectern.schema.json",
                     "doc/lectern/examples/lecture-hall.toml"):
            self.holds(f"/usr/share/{part}", f"/usr/share/{part}\n" in listed)
        self.holds("all files are as packed", not run("dpkg -V lectern").strip())

    def _start(self) -> None:
        self.bare.run(FOLDERS)
        self._daemon = self.bare.start(START, "lectern", LOG)
        self.bare.until("lecternd answers", 60, lambda: self.bare.try_run("lectern status")[0] == 0)
        self.bare.until("its sources are live", 60, self._live)

    def _live(self) -> bool:
        sources = self.bare.json("lectern status --json")["sources"]
        return bool(sources) and all(source["health"] == "live" for source in sources)

    def _pid(self) -> int:
        return int(self.bare.run("pidof lecternd").split()[0])

    def _stop(self) -> None:
        self.bare.run(f"kill -TERM {self._pid()}")
        self._daemon.wait(timeout=30)
        self._daemon = None

    def _first_use(self) -> None:
        self.bare.run("lecternd check", user="lectern")
        self._start()
        self.holds("the page answers at 127.0.0.1:8470", "200" in self.bare.run(f"bash -c \"{PAGE}\""))
        code, said = self.bare.try_run("lectern doctor")
        print(f"  ..      lectern doctor: exit {code}")
        print("".join(f"          {line}\n" for line in said.splitlines()[:40]), end="")
        self.holds("the doctor found nothing that cannot record", code in (0, 1, 2) and said.strip())
        if self.bare.try_run("lectern self-test --help")[0]:
            self.holds("there is lectern self-test", False)
            return
        code, said = self.bare.try_run(f"lectern self-test --seconds {self._seconds}")
        print("".join(f"          {line}\n" for line in said.splitlines()), end="")
        self.holds("the self test passes", code == 0)
        took = time.monotonic() - self._began
        print(f"  ..      package to first self test: {took / 60:.1f} minutes; apt-get update, apt-get install,"
              " lectern self-test: 3 commands")

    def _upgrade_in_mid_lecture(self) -> str:
        pid = self._pid()
        lecture = self.bare.run("lectern start --title 'Upgraded in mid-lecture'").strip()
        self.bare.until("it records", 20, lambda: self._state() == "recording")
        time.sleep(4)
        self._put(self._newer, "newer.deb")
        before = self.bare.run("dpkg-query -W -f '${Version}' lectern")
        self._apt("install /tmp/newer.deb")
        after = self.bare.run("dpkg-query -W -f '${Version}' lectern")
        self.holds(f"an upgrade in mid-lecture, {before} to {after}", before != after)
        self.holds("the same process records on", self._pid() == pid and self._state() == "recording")
        self.holds("and runs the old program", self._replaced(pid))
        # What the package's reload does where systemd runs.
        self.bare.run(f"kill -HUP {pid}")
        time.sleep(4)
        self.holds("also after its reload", self._pid() == pid and self._state() == "recording")
        self.bare.run("lectern stop")
        self.bare.run(f"lectern wait {lecture} --until finished --timeout 120s")
        shown = self.bare.json(f"lectern show {lecture} --json")
        runs = shown["runs"]
        ends = [track["end_ms"] for track in shown["tracks"]]
        self.holds(f"one run, no gap: {[run['end_ms'] for run in runs]} ms, tracks {ends} ms",
                   len(runs) == 1 and ends and min(ends) >= runs[0]["end_ms"] - 1_000)
        losses = [fact for fact in shown["facts"] if "gap" in str(fact).lower() or "lost" in str(fact).lower()]
        self.holds(f"nothing was lost {losses or ''}", not losses)
        try:
            self.bare.until("the new program at work", 60, lambda: not self._replaced(self._pid()))
            self.bare.until("it answers", 30, lambda: self.bare.try_run("lectern status")[0] == 0)
            self.holds("idle, it executed the new program, in the same process", self._pid() == pid)
        except BareError:
            self.holds("idle, it executed the new program by itself", False)
        return lecture

    def _state(self) -> str:
        return self.bare.json("lectern status --json")["state"]

    def _replaced(self, pid: int) -> bool:
        """Whether the program of a process is no longer the one on the disk."""
        return "(deleted)" in self.bare.run(f"readlink /proc/{pid}/exe")

    def _remove_and_purge(self, lecture: str) -> None:
        self._stop()
        self._apt("remove lectern")
        self.holds("removed: the configuration stays", not self.bare.try_run("test -s /etc/lectern/lectern.toml")[0])
        said = self._apt("purge lectern")
        self.holds("purged: it says where the recordings are", "recordings stay in /var/lib/lectern" in said)
        self.holds("configuration and cache are gone",
                   self.bare.try_run("ls -d /etc/lectern /var/cache/lectern /run/lectern")[1].count("cannot access") == 3)
        left = self.bare.run("find /var/lib/lectern/lectures -name '*.mp4' | wc -l").strip()
        self.holds(f"recordings are left ({left} files)", int(left) > 0)
        self.holds("and the user who owns them", not self.bare.try_run("id lectern")[0])
        self._apt(f"install {self._how}/tmp/lectern.deb")
        self._start()
        self.holds("installed again, it knows the lecture", lecture in self.bare.run("lectern lectures --json"))
        self._stop()
