"""Namespaces with one narrow line between them, and the processes in them."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
FAR = "10.98.9.2"


class BedError(Exception):
    """A command of the network failed."""


def missing() -> str | None:
    """What this machine lacks, as one sentence."""
    if os.geteuid() != 0:
        return "Network namespaces need root."
    for tool in ("ip", "tc", "openssl"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed."
    if not os.path.exists("/dev/net/tun"):
        return "/dev/net/tun is not there, and the line's delay is made with it."
    probe = subprocess.run(["ip", "netns", "list"], capture_output=True)
    if probe.returncode:
        return "This machine allows no network namespaces."
    return None


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise BedError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Bed:
    """The line, while the context is open."""

    def __init__(self, mbit: float, buffer_ms: int, rtt_ms: float, queue: str = "one"):
        self.mbit, self.buffer_ms, self.rtt_ms, self.queue = mbit, buffer_ms, rtt_ms, queue
        self.names = {name: f"lectern-{os.getpid()}-{name}" for name in ("room", "class", "gate", "far")}
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> "Bed":
        # Other work on this machine must not look like a queue. What is started here inherits it.
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))
        except OSError as error:
            print(f"(no real-time scheduling: {error}; round trip times hold the machine's own noise)", file=sys.stderr)
        try:
            self._lay()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_reason) -> None:
        self._remove()

    def words(self, name: str, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.names[name], *words]

    def do(self, name: str, *words: str) -> str:
        return run(*self.words(name, *words))

    def start(self, name: str, *words: str, **how) -> subprocess.Popen:
        process = subprocess.Popen(self.words(name, *words), start_new_session=True, **how)
        self.processes.append(process)
        return process

    def script(self, name: str, file: str, *words: object, **how) -> subprocess.Popen:
        how = {"stdout": subprocess.PIPE, "text": True, **how}
        return self.start(name, sys.executable, str(HERE / file), *map(str, words), **how)

    def end(self, process: subprocess.Popen) -> None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        self.processes.remove(process)

    def sent(self) -> tuple[float, int]:
        """When, and how many bytes had left through the narrow line."""
        for row in self.do("gate", "cat", "/proc/net/dev").splitlines():
            name, _, numbers = row.partition(":")
            if name.strip() == "uplink":
                return time.monotonic(), int(numbers.split()[8])
        raise BedError("the gate has no line")

    def _lay(self) -> None:
        for name in self.names.values():
            run("ip", "netns", "add", name)
        for name in self.names:
            self.do(name, "ip", "link", "set", "lo", "up")
        for name in ("gate", "far"):
            for key in ("ip_forward=1", "conf.all.rp_filter=0", "conf.default.rp_filter=0"):
                self.do(name, "sysctl", "-qw", f"net.ipv4.{key}")
        self._cable("room", "eth0", "10.98.1.2", "gate", "room", "10.98.1.1")
        self._cable("class", "eth0", "10.98.2.2", "gate", "class", "10.98.2.1")
        self._cable("gate", "uplink", "10.98.9.1", "far", "eth0", FAR)
        self.do("room", "ip", "route", "add", "default", "via", "10.98.1.1")
        self.do("class", "ip", "route", "add", "default", "via", "10.98.2.1")
        for name in ("far", "gate"):
            self.do(name, "ip", "tuntap", "add", "dev", "back", "mode", "tun")
            self.do(name, "ip", "link", "set", "back", "up")
        line = self.script("far", "delay.py", self.names["far"], self.names["gate"], self.rtt_ms)
        if line.stdout.readline() != "ready\n":
            raise BedError("the delay line did not start")
        self.do("far", "ip", "route", "add", "10.98.1.0/24", "dev", "back")
        self.do("far", "ip", "route", "add", "10.98.2.0/24", "dev", "back")
        for name, device in (("gate", "uplink"), ("far", "back")):
            narrow = ["rate", f"{self.mbit}mbit", "burst", "8kb", "latency", f"{self.buffer_ms}ms"]
            if self.queue == "fq_codel":
                # The queue is fq_codel's; tbf only meters it.
                narrow = ["rate", f"{self.mbit}mbit", "burst", "8kb", "limit", "3000"]
            self.do(name, "tc", "qdisc", "replace", "dev", device, "root", "handle", "1:", "tbf", *narrow)
            if self.queue == "fq_codel":
                self.do(name, "tc", "qdisc", "add", "dev", device, "parent", "1:1", "fq_codel")

    def _cable(self, one: str, device: str, address: str, other: str, device2: str, address2: str) -> None:
        run("ip", "link", "add", device, "netns", self.names[one], "type", "veth",
            "peer", "name", device2, "netns", self.names[other])
        for name, end, at in ((one, device, address), (other, device2, address2)):
            self.do(name, "ip", "addr", "add", f"{at}/24", "dev", end)
            self.do(name, "ip", "link", "set", end, "up")

    def _remove(self) -> None:
        for process in list(self.processes):
            self.end(process)
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
