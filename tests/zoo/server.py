"""A web server that serves a folder and misbehaves as it is told: a process of its own on loopback.

python server.py FOLDER LOG [RULES] [CERTIFICATE]

RULES is a JSON list of objects. The first whose ``path`` ends the requested path, and that is not used up, decides:
``times`` (how often it holds; absent: always) and one or more of ``status``, ``headers``, ``cut`` (bytes of the body
after which the connection is cut; a list is drawn from in turn), ``no_ranges``, ``send`` (a file of the folder to send
instead), ``length`` (to claim), ``drip_s`` (a byte, or a ``block`` of bytes, each so many seconds),
``drip_headers_s``, ``delay_s``, ``keep`` (the connection open for the next request), ``require`` (a header that must
have a value).
It prints its port, and appends a JSON line for each request to LOG.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER, LOG = Path(sys.argv[1]), Path(sys.argv[2])
RULES: list[dict[str, Any]] = json.loads(sys.argv[3]) if len(sys.argv) > 3 else []
LOCK = threading.Lock()


def rule_for(path: str) -> dict[str, Any]:
    with LOCK:
        for rule in RULES:
            if path.endswith(rule.get("path", "")) and rule.get("times", 1) > 0:
                if "times" in rule:
                    rule["times"] -= 1
                chosen = dict(rule)
                if isinstance(rule.get("cut"), list):
                    chosen["cut"] = rule["cut"].pop(0) if rule["cut"] else None
                return chosen
    return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with suppress(OSError):  # whoever asked is gone
            self.answer(rule_for(self.path))

    def note(self, sent: int) -> None:
        """Before the last byte is sent, so that whoever has the answer finds it in the log."""
        entry = {"path": self.path, "range": self.headers.get("Range"), "sent": sent}
        entry["authorization"] = self.headers.get("Authorization")
        with LOCK, LOG.open("a") as log:
            log.write(json.dumps(entry) + "\n")

    def answer(self, rule: dict[str, Any]) -> None:
        time.sleep(rule.get("delay_s", 0))
        if "require" in rule and any(self.headers.get(name) != value for name, value in rule["require"].items()):
            self.plain(401)
            return
        file = FOLDER / rule.get("send", self.path.lstrip("/"))
        if "status" in rule or not file.is_file():
            self.plain(rule.get("status", 404), rule.get("headers", {}))
        else:
            self.file(file.read_bytes(), rule)

    def plain(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.note(0)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value.replace("{host}", self.headers["Host"]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def file(self, content: bytes, rule: dict[str, Any]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and not rule.get("no_ranges") else 0
        if asked and not rule.get("no_ranges") and start >= len(content):
            self.plain(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        head = [f"HTTP/1.1 {206 if start else 200} OK", f"Connection: {'keep-alive' if rule.get('keep') else 'close'}"]
        if start:
            head.append(f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}")
        if rule.get("length") is not False:
            head.append(f"Content-Length: {rule.get('length', len(content) - start)}")
        head += [f"{name}: {value}" for name, value in rule.get("headers", {}).items()]
        self.close_connection = not rule.get("keep")
        body = content[start:][: rule.get("cut")]
        self.note(len(body))
        self.drip("\r\n".join([*head, "", ""]).encode(), rule.get("drip_headers_s"))
        self.drip(body, rule.get("drip_s"), rule.get("block", 1))

    def drip(self, data: bytes, pause_s: float | None, block: int = 1) -> None:
        if pause_s is None:
            self.wfile.write(data)
        for start in range(0, len(data) if pause_s is not None else 0, block):
            self.wfile.write(data[start : start + block])
            self.wfile.flush()
            time.sleep(pause_s or 0)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *arguments: object) -> None:
        pass


def main() -> None:
    server = Server(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[4])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
