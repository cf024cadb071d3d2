"""The machine under test, as the command in LECTERN_VM drives it."""

import pathlib
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE_S = 120.0
"""The longest that one state may take on a loaded host, in seconds."""


class MachineError(Exception):
    """The machine or the recorder on it did not do what every case takes for granted."""


class Machine:
    """Every call blocks until the command has ended."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def _call(self, *words: str, patience: float = 600.0) -> subprocess.CompletedProcess:
        try:
            return subprocess.run(
                [*self._command, *words], capture_output=True, text=True, timeout=patience, errors="replace"
            )
        except subprocess.TimeoutExpired as late:
            raise MachineError(f"{words[0]} took longer than {patience:.0f} s: {words[1:]}") from late

    def _must(self, *words: str, patience: float = 600.0) -> str:
        done = self._call(*words, patience=patience)
        if done.returncode != 0:
            raise MachineError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def up(self) -> None:
        """Boots a fresh machine; one that an earlier run left on goes first."""
        self._call("down")
        self._must("up")

    def down(self) -> None:
        self._call("down")

    def put(self, source: pathlib.Path, place: str) -> None:
        self._must("put", str(source), place)

    def get(self, place: str, target: pathlib.Path) -> None:
        self._must("get", place, str(target))

    def run(self, shell: str, patience: float = 300.0) -> str:
        """Output of a command in the machine, standard error with it; raises if it fails."""
        return self._must("run", shell, patience=patience)

    def try_run(self, shell: str, patience: float = 300.0) -> tuple[int, str]:
        """Exit code and output of a command in the machine."""
        done = self._call("run", shell, patience=patience)
        return done.returncode, done.stdout

    def cut(self, after_s: float) -> float:
        """Takes the power away after so many seconds; the machine's uptime then, in seconds."""
        return float(self._must("powercut", f"{after_s:.2f}", patience=600 + after_s).split()[-1])

    def restart(self) -> None:
        self._must("restart")

    def device(self, word: str, *more: str) -> None:
        """`unplug-camera`, `replug-camera`, `stall-camera N`, `unplug-mic`, `replug-mic`."""
        self._must(word, *more)

    def clock(self, seconds: int) -> None:
        """Moves the machine's wall clock."""
        self._must("clock", f"{seconds:+d}")

    def uptime(self) -> float:
        """Seconds since the boot, on the clock that recordings are timed with."""
        return float(self.run("cut -d' ' -f1 /proc/uptime"))


def until(what: str, look: Callable[[], Found | None], patience: float = PATIENCE_S) -> Found:
    """Waits until `look` has an answer."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > end:
            raise MachineError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.2)
