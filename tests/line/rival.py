"""A plain upload with a congestion control by name. usage: rival.py FAR NAME; sends until killed."""

import socket
import sys

connection = socket.socket()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, sys.argv[2].encode())
connection.connect((sys.argv[1], 5004))
while True:
    connection.sendall(bytes(64 * 1024))
