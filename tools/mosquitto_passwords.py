"""Write the password file of a broker on a machine: ``python -m tools.mosquitto_passwords`` reads JSON from its input.

``{"before": what the file has now, "passwords": {user: password}}``; prints what it is to have, which is the same where that
says the same. Passwords come by the input, since a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import json
import sys

from labline.containing import broker


def main() -> None:
    """Print the file."""
    given = json.load(sys.stdin)
    print(broker.password_file(given["passwords"], given["before"]), end="")


if __name__ == "__main__":
    main()
