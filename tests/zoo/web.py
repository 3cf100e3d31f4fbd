"""A web server on this machine with one file, which can be cut off, changed, slow, or refuse ranges."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """What the server gives, and what it was asked for.

    Attributes:
        content: the file.
        etag: its version; "" if it tells none.
        ranges: whether it knows ranges.
        cuts: lengths after which the next responses end, each used once.
        status: of each response; 200 is 206 where a range is asked for.
        gate: each response waits for it after the first half.
        asked: the Range header of each request, "" without one.
    """

    def __init__(self, content: bytes) -> None:
        self.content, self.etag, self.ranges, self.status = content, '"v1"', True, 200
        self.cuts: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range", "")
        self.asked.append(wanted)
        start, status = 0, self.status
        if wanted and self.ranges and handler.headers.get("If-Range") == self.etag and status == 200:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
        body = self.content[start:]
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.end_headers()
        if self.cuts:
            body = body[: self.cuts.pop(0)]
        handler.wfile.write(body[: len(body) // 2])
        assert self.gate.wait(10)
        handler.wfile.write(body[len(body) // 2 :])


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    """Run a server of ``content`` on a free port during the block."""
    files = FileServer(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            """Say nothing: a client that hangs up is part of some tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        files.url = f"http://127.0.0.1:{server.server_port}/weights.pth"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield files
        finally:
            files.gate.set()
            server.shutdown()
            thread.join(10)
