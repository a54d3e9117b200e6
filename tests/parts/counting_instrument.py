"""An instrument that counts how often it was asked, and keeps account of each answer: none can be lost, doubled or made up unseen.

    python -m tests.parts.counting_instrument ACCOUNT

It speaks SCPI on a free port of loopback, which it prints: ``COUNT?`` is answered by the next number. ACCOUNT gets a line ``NUMBER
TIME`` (ns, UTC) before each answer. It ends with its stdin.
"""

from __future__ import annotations

import itertools
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
STANZA = """\
  - name: {name}
    driver: scpi
    connection: {url}
    interval: {interval}
    node: {node}
    channels: {{counter: {{read: {{count: {{query: "COUNT?", unit: "1", description: How often it was asked}}}}}}}}
"""


class CountingInstrument:
    """Runs one, where the words ``enter`` lead a command to; ``url`` is for those who are there, too."""

    def __init__(self, account: Path, enter: list[str]):
        self._account = account
        command = [*enter, sys.executable, "-m", __name__, str(account)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout
        self.url = f"tcp://127.0.0.1:{int(self._process.stdout.readline())}"

    def answers(self) -> dict[int, int]:
        """Give when each number was told (ns, UTC)."""
        lines = self._account.read_text().splitlines(keepends=True)
        return {int(number): int(when) for number, when in (line.split() for line in lines if line.endswith("\n"))}

    def close(self) -> None:
        """End it."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve(account: Path) -> None:
    """Answer until stdin ends."""
    numbers = itertools.count(1)
    one_at_a_time = threading.Lock()

    class Asked(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                question = line.strip().upper()
                if question == b"*IDN?":
                    self.wfile.write(b"labline,counter,1,1\n")
                elif question == b"COUNT?":
                    with one_at_a_time:
                        number = next(numbers)
                        file.write(f"{number} {time.time_ns()}\n")
                    self.wfile.write(b"%d\n" % number)

    socketserver.ThreadingTCPServer.daemon_threads = True
    with (
        open(account, "w", buffering=1) as file,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Asked) as server,
    ):
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
