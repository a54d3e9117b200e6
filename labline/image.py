"""Prepare a Raspberry Pi's card for its first boot.

Writes host name, user, key, wireless and time zone onto the boot partition of Raspberry Pi OS. CARD: the folder where it
is mounted, or an image file, or a card that is not mounted. A second time changes nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .first_boot.settings import Settings

EXAMPLES = """\
  labline image raspios.img --host rack --key ~/.ssh/id_ed25519.pub
  labline image /media/me/bootfs --host rack --site my-lab.yml \\
      --key ~/.ssh/id_ed25519.pub --wifi Lab --country DE --timezone Europe/Berlin
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("card", metavar="CARD", type=Path, help="where the boot partition is")
    parser.add_argument("--host", metavar="NAME", required=True, help="what the machine is called: its node's name")
    parser.add_argument(
        "--site", metavar="SITE", help="a site file: --host must be one of its nodes; rack_1 becomes rack-1"
    )
    parser.add_argument("--user", metavar="NAME", help="who logs in (default: as the site file says, else pi)")
    parser.add_argument(
        "--key",
        metavar="FILE",
        type=Path,
        action="append",
        required=True,
        help="a file of public keys of ssh, who may log in; may be repeated",
    )
    parser.add_argument(
        "--password-file", metavar="FILE", type=Path, help="a password for the console; ssh takes keys alone"
    )
    parser.add_argument("--wifi", metavar="SSID", help="a wireless network; asks for its password")
    parser.add_argument("--wifi-password-file", metavar="FILE", type=Path, help="the file that has it instead")
    parser.add_argument("--wifi-open", action="store_true", help="the network has no password")
    parser.add_argument("--wifi-hidden", action="store_true", help="the network does not tell its name")
    parser.add_argument("--country", metavar="CC", default="", help="where it sends, such as DE; needed with --wifi")
    parser.add_argument("--timezone", metavar="ZONE", default="", help="such as Europe/Berlin")
    parser.add_argument("--keyboard", metavar="LAYOUT", default="", help="such as de")
    parser.add_argument("--locale", metavar="LOCALE", default="", help="such as de_DE.UTF-8 (Debian 13)")
    parser.add_argument("--check", action="store_true", help="change nothing; status 1 if something would be written")


def run(arguments: argparse.Namespace) -> int:
    """Write what differs; returns the exit status."""
    from .first_boot import card, forms

    settings = _settings(arguments)
    with card.opened(arguments.card) as opened:
        wanted = forms.of(opened)(opened, settings)
        found = {name: text for name, text in wanted.items() if opened.read(name) != text}
        for name, text in found.items():
            if not arguments.check:
                opened.write(name, text)
            print(f"{'would write' if arguments.check else 'written'}: {name}")
    if arguments.check and found:
        return 1
    print(f"{arguments.card} is ready for the first boot of {settings.host}, as {settings.user}")
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    from telegraf_inputs.errors import BadInput

    from .first_boot.settings import Settings, Wireless, keys, secret

    host, user = arguments.host, arguments.user
    if arguments.site:
        host, its_user = _of_node(arguments.site, arguments.host)
        user = its_user or None if user is None else user
    wireless = None
    if arguments.wifi is not None:
        if arguments.wifi_open and arguments.wifi_password_file:
            raise BadInput("goes with no password", ("--wifi-open",))
        passphrase = ""
        if arguments.wifi_password_file:
            passphrase = secret(arguments.wifi_password_file)
        elif not arguments.wifi_open:
            passphrase = _asked(f"password of the network {arguments.wifi}: ")
        wireless = Wireless(
            name=arguments.wifi, passphrase=passphrase, country=arguments.country, hidden=arguments.wifi_hidden
        )
    elif arguments.wifi_password_file or arguments.wifi_open or arguments.wifi_hidden or arguments.country:
        raise BadInput("what is said of a wireless network goes with its name; expected it", ("--wifi",))
    return Settings(
        host=host,
        user="pi" if user is None else user,
        keys=keys(arguments.key),
        password=secret(arguments.password_file) if arguments.password_file else "",
        wireless=wireless,
        timezone=arguments.timezone,
        keyboard=arguments.keyboard,
        locale=arguments.locale,
    )


def _of_node(name: str, host: str) -> tuple[str, str]:
    """Take from the site file what a node's machine is called, and who logs in to it. Raises BadInput where it has no such node."""
    from provisioning import site as sites
    from telegraf_inputs.errors import BadInput, suggestion

    from .first_boot.settings import host_name

    site = sites.load(sites.find(name))
    for node in site.nodes:
        if node.name == host:
            return host_name(node.name), node.ssh.user
    raise BadInput(
        f"{site.file} has no node {host!r}; {suggestion(host, [node.name for node in site.nodes])}", ("--host",)
    )


def _asked(question: str) -> str:
    from getpass import getpass

    from telegraf_inputs.errors import BadInput

    if not sys.stdin.isatty():
        raise BadInput(
            "expected the file with the network's password: nobody can be asked here", ("--wifi-password-file",)
        )
    return getpass(question)
