"""A small tus server over TLS that keeps nothing but offsets. usage: platform.py CERT KEY PORT"""

import http.server
import ssl
import sys

uploads: dict[str, list[int]] = {}


class Tus(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, **headers: object) -> None:
        self.send_response(status)
        self.send_header("Tus-Resumable", "1.0.0")
        self.send_header("Content-Length", "0")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_OPTIONS(self) -> None:
        self.answer(204, Tus_Version="1.0.0", Tus_Extension="creation")

    def do_POST(self) -> None:
        name = f"/files/{len(uploads) + 1}"
        uploads[name] = [0, int(self.headers["Upload-Length"])]
        self.answer(201, Location=name)

    def do_HEAD(self) -> None:
        if self.path in uploads:
            offset, length = uploads[self.path]
            self.answer(200, Upload_Offset=offset, Upload_Length=length, Cache_Control="no-store")
        else:
            self.answer(404)

    def do_PATCH(self) -> None:
        upload, left = uploads[self.path], int(self.headers["Content-Length"])
        while left:
            read = len(self.rfile.read1(min(left, 256 * 1024)))
            if not read:
                self.close_connection = True
                return
            left -= read
            upload[0] += read
        self.answer(204, Upload_Offset=upload[0])

    def log_message(self, *_words: object) -> None:
        pass


cert, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Tus)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
