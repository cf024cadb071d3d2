"""The way back, delayed: what is routed into `back` in one namespace leaves `back` in the other.

usage: delay.py NAMESPACE-IN NAMESPACE-OUT MILLISECONDS; says "ready" when packets flow.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001


def device(namespace: str) -> int:
    """Opens the TUN device `back` of a namespace; this process is in that namespace afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as place:
        if libc.setns(place.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
    opened = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(opened, TUNSETIFF, struct.pack("16sH22x", b"back", IFF_TUN_NO_PI))
    return opened


def main() -> None:
    source, target, delay_s = sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000
    source, target = device(source), device(target)
    waiting: collections.deque[tuple[float, bytes]] = collections.deque()
    print("ready", flush=True)
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([source], [], [], patience)[0]:
            due = time.monotonic() + delay_s
            try:
                for _ in range(64):
                    waiting.append((due, os.read(source, 2048)))
            except BlockingIOError:
                pass
        while waiting and waiting[0][0] <= time.monotonic():
            try:
                os.write(target, waiting.popleft()[1])
            except OSError:
                # A packet that nobody takes is a packet lost.
                pass


main()
