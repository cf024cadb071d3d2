"""Real things around the recorder: an X server with a moving clock, a sound server with a tone."""

import os
import pathlib
import subprocess
import time
from collections.abc import Callable

PATIENCE_S = 90.0
"""The longest that one state may take on a loaded machine, in seconds."""


class Late(Exception):
    """Something did not come in time."""


def until(what: str, look: Callable[[], object], patience: float = PATIENCE_S, every: float = 0.05):
    """Waits until `look` has an answer and returns it."""
    end = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > end:
            raise Late(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(every)
    return found


class Thing:
    """Programs that start and die together; the first one carries the others."""

    def __init__(self) -> None:
        self._parts: list[subprocess.Popen] = []

    def _start(self, *command: str, **environment: str) -> None:
        part = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._parts.append(part)

    def kill(self) -> None:
        """`kill -9`, and wait until all are gone."""
        for part in self._parts:
            part.kill()
        for part in self._parts:
            part.wait()
        self._parts.clear()


class Screen(Thing):
    """An X server on a display of its own."""

    def __init__(self) -> None:
        super().__init__()
        taken = {path.name for path in pathlib.Path("/tmp/.X11-unix").glob("X*")}
        self._number = next(n for n in range(300, 400) if f"X{n}" not in taken)
        self.display = f":{self._number}"

    def start(self) -> None:
        self._start("Xvfb", self.display, "-screen", "0", "1280x720x24", "-nolisten", "tcp")
        until("the X server", lambda: pathlib.Path(f"/tmp/.X11-unix/X{self._number}").exists())
        self._start("xclock", "-display", self.display, "-update", "1", "-geometry", "600x600+40+40")

    def kill(self) -> None:
        super().kill()
        # What a killed server leaves keeps the next one from starting.
        for rest in (f"/tmp/.X{self._number}-lock", f"/tmp/.X11-unix/X{self._number}"):
            pathlib.Path(rest).unlink(missing_ok=True)


class Sound(Thing):
    """A PulseAudio with one null sink and a tone in it."""

    SOURCE = "podium.monitor"

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__()
        self._folder = folder
        self.address = f"unix:{folder}/pulse.sock"

    def start(self) -> None:
        (self._folder / "pulse.sock").unlink(missing_ok=True)
        home = {"HOME": str(self._folder), "XDG_RUNTIME_DIR": str(self._folder)}
        modules = [
            f"module-native-protocol-unix socket={self._folder}/pulse.sock auth-anonymous=1",
            "module-null-sink sink_name=podium rate=48000 channels=2",
        ]
        words = [word for module in modules for word in ("-L", module)]
        self._start(
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", *words, **home
        )
        until("the sound server", self._answers)
        sound = "audio/x-raw,rate=48000,channels=2"
        tone = f"audiotestsrc is-live=true freq=440 volume=0.3 ! {sound} ! pulsesink device=podium"
        self._start("gst-launch-1.0", "-q", *tone.split(), PULSE_SERVER=self.address)

    def _answers(self) -> bool:
        listing = subprocess.run(
            ["pactl", "list", "short", "sources"],
            env={**os.environ, "PULSE_SERVER": self.address},
            capture_output=True,
            text=True,
        )
        return self.SOURCE in listing.stdout
