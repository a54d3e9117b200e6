"""The files that the playbook's roles write, made without a playbook: for what takes too long to be played."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml

from . import packages

ROLES = Path(__file__).parents[2] / "ansible" / "roles"
# As Ansible does it: blocks leave no line, and what is not said is a mistake.
SCRIPT = """\
import json, sys, jinja2
folder, name, variables = json.load(sys.stdin)
loader = jinja2.FileSystemLoader([f"{folder}/{name.split('/')[0]}/templates", f"{folder}/.."])
made = jinja2.Environment(loader=loader, trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
print(made.get_template(name.split("/")[1]).render(variables), end="")
"""


def rendered(name: str, **variables: object) -> str:
    """Render a role's template, such as ``base/chrony.conf.j2``, with the role's defaults and more ``variables``."""
    defaults = yaml.safe_load((ROLES / name.split("/")[0] / "defaults" / "main.yml").read_text())
    said = json.dumps([str(ROLES), name, defaults | variables])
    command = [packages.BASE, "-c", SCRIPT]
    environment = packages.environment("ansible-test")
    done = subprocess.run(command, env=environment, input=said, capture_output=True, text=True, check=True)
    return done.stdout
