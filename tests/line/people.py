"""The class. usage: people.py upload|download|small|echo FAR SECONDS

upload, download: one greedy connection (cubic); prints the bytes that a download took.
small: a megabyte up every 3 s; prints how long each took. echo: 20 a second until killed; each
round trip in milliseconds with its moment.
"""

import select
import socket
import struct
import sys
import time

SINK, SOURCE, ECHO = 5001, 5002, 5003


def connected(far: str, port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    connection.connect((far, port))
    return connection


def abort(connection: socket.socket) -> None:
    """What is still on its way dies here, and does not disturb the next phase."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def upload(far: str, seconds: float) -> None:
    connection, end = connected(far, SINK), time.monotonic() + seconds
    connection.settimeout(0.1)
    while time.monotonic() < end:
        try:
            connection.send(bytes(64 * 1024))
        except TimeoutError:
            pass
    abort(connection)


def download(far: str, seconds: float) -> None:
    connection, end = connected(far, SOURCE), time.monotonic() + seconds
    connection.settimeout(0.1)
    taken, block = 0, bytearray(256 * 1024)
    while time.monotonic() < end:
        try:
            taken += connection.recv_into(block)
        except TimeoutError:
            pass
    abort(connection)
    print(taken)


def small(far: str, seconds: float) -> None:
    due = time.monotonic()
    end = due + seconds
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.monotonic()
        connection = connected(far, SINK)
        connection.sendall(bytes(1_000_000))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
        connection.close()
        print(time.monotonic() - begun)
        due += 3.0


def echo(far: str, _seconds: float) -> None:
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.connect((far, ECHO))
    here.setblocking(False)
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            due += 0.05
            here.send(struct.pack("<d", time.monotonic()))
        select.select([here], [], [], max(0.0, due - time.monotonic()))
        try:
            while True:
                (sent,) = struct.unpack("<d", here.recv(64))
                print(sent, (time.monotonic() - sent) * 1000, flush=True)
        except OSError:
            # Nothing has come back yet.
            pass


{"upload": upload, "download": download, "small": small, "echo": echo}[sys.argv[1]](sys.argv[2], float(sys.argv[3]))
