"""What is at the far end of the line: the class's sink, a source, an echo, and a rival's sink.

Each line of standard input is answered with the bytes that the class's sink has taken so far.
"""

import socket
import sys
import threading

SINK, SOURCE, ECHO, RIVAL = 5001, 5002, 5003, 5004
taken = 0
lock = threading.Lock()


def cubic(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")


def sink(connection: socket.socket) -> None:
    global taken
    block = bytearray(256 * 1024)
    try:
        while read := connection.recv_into(block):
            with lock:
                taken += read
        connection.sendall(b"k")
    except OSError:
        pass
    connection.close()


def swallow(connection: socket.socket) -> None:
    try:
        while connection.recv(256 * 1024):
            pass
    except OSError:
        pass
    connection.close()


def source(connection: socket.socket) -> None:
    cubic(connection)
    try:
        while True:
            connection.sendall(bytes(64 * 1024))
    except OSError:
        connection.close()


def serve(port: int, each) -> None:
    listener = socket.create_server(("0.0.0.0", port), backlog=64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=each, args=(connection,), daemon=True).start()


def echo() -> None:
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind(("0.0.0.0", ECHO))
    while True:
        words, sender = here.recvfrom(2048)
        here.sendto(words, sender)


for work in ((serve, SINK, sink), (serve, SOURCE, source), (serve, RIVAL, swallow), (echo,)):
    threading.Thread(target=work[0], args=work[1:], daemon=True).start()
print("ready", flush=True)
for _ in sys.stdin:
    with lock:
        print(taken, flush=True)
