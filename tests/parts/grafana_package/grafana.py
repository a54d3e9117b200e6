#!/usr/bin/python3
"""Stands where Grafana is: takes its settings from the same places, and says over HTTP what it found.

A password in a file that is not there ends it, as it does Grafana; the administrator's password is that of the first start. Of each rule of an alarm
it keeps the state, by the rule's uid, as long as it is not told to delete the rule.
"""

from __future__ import annotations

import base64
import configparser
import http.server
import json
import os
import re
import sys
from pathlib import Path

FILE = re.compile(r"\$__file\{([^}]*)\}")


def expanded(text: str) -> str:
    """Put the content of files where they are named."""
    return FILE.sub(lambda found: Path(found[1]).read_text().strip(), text)


def keep_alarms(folder: Path, kept: Path) -> None:
    """Add the rules that are new, as Normal, to those that are kept, and take away those that are to be deleted."""
    states = json.loads(kept.read_text()) if kept.exists() else {}
    for path in folder.glob("*.json"):
        said = json.loads(path.read_text())
        for rule in (rule for group in said.get("groups", []) for rule in group["rules"]):
            states.setdefault(rule["uid"], "Normal")
        for rule in said.get("deleteRules", []):
            states.pop(rule["uid"], None)
    kept.write_text(json.dumps(states))


def main() -> None:
    """Serve until the end."""
    given = dict(word.lstrip("-").split("=", 1) for word in sys.argv[2:])
    settings = configparser.ConfigParser(interpolation=None)
    with open(given["config"]) as file:
        settings.read_file(file)
    provisioning = Path(os.environ.get("GF_PATHS_PROVISIONING", given["cfg:default.paths.provisioning"]))
    for kind in ("datasources", "alerting"):
        for path in (provisioning / kind).iterdir():
            expanded(path.read_text())
    data = Path(given["cfg:default.paths.data"])
    keep_alarms(provisioning / "alerting", data / "alarms.json")
    known = data / "admin"
    if not known.exists():
        known.write_text(expanded(settings["security"]["admin_password"]))
    if not expanded(settings["security"]["secret_key"]):
        raise SystemExit("no secret_key")

    def administrator() -> str:
        return "Basic " + base64.b64encode(f"admin:{known.read_text()}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/api/health":
                self._say(200, {"database": "ok"})
            elif self.path == "/login":
                self._say(200, {"root_url": settings["server"]["root_url"]})
            elif self.headers["Authorization"] != administrator():
                self._say(401, {"message": "Invalid username or password"})
            elif self.path == "/api/search":
                self._say(200, sorted(path.name for path in (provisioning / "dashboards").rglob("*.json")))
            else:
                self._say(200, {"name": "Main Org."})

        def do_PUT(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/api/user/password" or self.headers["Authorization"] != administrator():
                self._say(401, {"message": "Invalid username or password"})
            elif given["oldPassword"] != known.read_text() or given["newPassword"] != given["confirmNew"]:
                self._say(400, {"message": "Invalid old password"})
            else:
                known.write_text(given["newPassword"])
                self._say(200, {"message": "User password changed"})

        def _say(self, status: int, what: object) -> None:
            body = json.dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    address = settings["server"]["http_addr"], int(settings["server"]["http_port"])
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()


if __name__ == "__main__":
    main()
