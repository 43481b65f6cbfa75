"""A language server that only writes down what `initialize` said: point an editor at it to capture a client.

    python capture.py NAME.json

What is the capturing user's own (paths, process id) is replaced.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PROJECT = "/home/you/project"


def main(target: Path) -> None:
    while (message := read()) is not None:
        if message.get("method") == "initialize":
            params = json.dumps(message["params"] | {"processId": None}, indent=2, ensure_ascii=False)
            project = str(message["params"].get("rootPath") or "").rstrip("/")
            target.write_text((params.replace(project, PROJECT) if project else params) + "\n", "utf-8")
            send(message["id"], {"capabilities": {"textDocumentSync": 2}})
        elif message.get("method") == "exit":
            return
        elif "id" in message and "method" in message:
            send(message["id"], None)


def read() -> dict[str, Any] | None:
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        if found := re.fullmatch(rb"(?i)content-length: *(\d+)", line):
            length = int(found[1])
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def send(msg_id: object, result: object) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": msg_id, "result": result}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
