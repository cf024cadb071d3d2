"""A bare Debian in a folder, in namespaces of its own: all that was started there ends with it."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable

CODENAMES = {"12": "bookworm", "13": "trixie"}
SOURCES = (pathlib.Path("/etc/apt/sources.list"), pathlib.Path("/etc/apt/sources.list.d"))


class BareError(Exception):
    """The system could not be made, or a command that every step takes for granted failed."""


def mirrors() -> tuple[str, str | None]:
    """Where this machine gets Debian and its security updates from, by its own sources."""
    files = [SOURCES[0], *sorted(SOURCES[1].glob("*.sources")), *sorted(SOURCES[1].glob("*.list"))]
    text = "\n".join(file.read_text() for file in files if file.is_file())
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = re.findall(r"^(?:URIs:|deb(?: \[[^]]*\])?)[ \t]+(\S+?)/?(?=\s)", text, re.MULTILINE)
    main = next((url for url in found if re.search(r"/debian$", url)), None)
    if main is None:
        raise BareError("no Debian mirror is named in this machine's /etc/apt")
    return main, next((url for url in found if "security" in url), None)


class Bare:
    """One system. Calls block; `stop` unmounts and deletes everything."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"lectern-package-{release}-"))
        # The root of a system that other users than root live in.
        self.root.chmod(0o755)
        self._anchor: subprocess.Popen | None = None
        self._inside = 0

    def make(self) -> None:
        """Debootstraps the smallest variant, and enters it."""
        codename = CODENAMES[self.release]
        main, security = mirrors()
        made = subprocess.run(
            ["nice", "-n", "19", "debootstrap", "--variant=minbase", codename, str(self.root), main],
            capture_output=True, text=True,
        )
        if made.returncode:
            raise BareError(f"debootstrap {codename} failed: {made.stdout[-800:]}{made.stderr[-800:]}")
        lists = [f"deb {main} {codename} main", f"deb {main} {codename}-updates main"]
        if security:
            lists.append(f"deb {security} {codename}-security main")
        (self.root / "etc/apt/sources.list").write_text("\n".join(lists) + "\n")
        # What this machine's apt needs to get through to its mirror, and nothing else of its habits.
        for name in pathlib.Path("/etc/apt/apt.conf.d").glob("*"):
            if name.is_file() and re.search(r"Acquire::", name.read_text()) and "docker" not in name.name:
                shutil.copy(name, self.root / "etc/apt/apt.conf.d" / name.name)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hostname").write_text("Podium-12\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 podium-12\n")
        self._enter()

    def _enter(self) -> None:
        mounts = (
            f"ip link set lo up && hostname Podium-12.example && mount --make-rprivate / "
            f"&& mount -t proc proc {self.root}/proc && mount -t sysfs -o ro sys {self.root}/sys "
            f"&& mount -t tmpfs -o mode=1777 shm {self.root}/dev/shm && echo ready && exec sleep infinity"
        )
        (self.root / "dev/shm").mkdir(exist_ok=True)
        self._anchor = subprocess.Popen(
            ["unshare", "--net", "--uts", "--ipc", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", mounts],
            stdout=subprocess.PIPE, text=True,
        )
        if self._anchor.stdout.readline().strip() != "ready":
            raise BareError("the namespaces of the bare system could not be made; is this root?")
        children = pathlib.Path(f"/proc/{self._anchor.pid}/task/{self._anchor.pid}/children")
        self._inside = int(children.read_text().split()[0])

    def _words(self, shell: str, user: str | None, online: bool) -> list[str]:
        # apt needs this machine's network; the recorder gets one of its own, with its own port 8470.
        spaces = ["--mount", "--uts", "--ipc", "--pid"] + ([] if online else ["--net"])
        words = ["nsenter", "--target", str(self._inside), *spaces, "nice", "-n", "5"]
        words += ["chroot", str(self.root), "/usr/bin/env", "-i", "HOME=/root", "LC_ALL=C.UTF-8"]
        words += ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        if user:
            words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return [*words, "sh", "-c", shell]

    def try_run(self, shell: str, user: str | None = None, online: bool = False) -> tuple[int, str]:
        """Exit code and whole output; nothing can be typed in."""
        done = subprocess.run(
            self._words(shell, user, online), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )
        return done.returncode, done.stdout

    def run(self, shell: str, user: str | None = None, online: bool = False) -> str:
        code, text = self.try_run(shell, user, online)
        if code:
            raise BareError(f"Debian {self.release}: {shell!r} ended with {code}: {text[-1500:]}")
        return text

    def start(self, shell: str, user: str, log: str) -> subprocess.Popen:
        """Leaves a command running; its output goes to a file of the system."""
        with (self.root / log.lstrip("/")).open("ab") as out:
            return subprocess.Popen(
                self._words(shell, user, False), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def json(self, shell: str) -> dict:
        return json.loads(self.run(shell))

    def until(self, what: str, seconds: float, found: Callable[[], object]) -> object:
        """Asks until there is an answer that is true; says what never came."""
        ends = time.monotonic() + seconds
        while True:
            answer = found()
            if answer:
                return answer
            if time.monotonic() > ends:
                raise BareError(f"Debian {self.release}: not within {seconds:.0f} s: {what}")
            time.sleep(0.2)

    def stop(self, keep: bool = False) -> None:
        if self._anchor:
            self._anchor.kill()
            self._anchor.wait()
        if keep:
            print(f"kept: {self.root}")
        else:
            shutil.rmtree(self.root, ignore_errors=True)
