"""Print the completion of the labline command for a shell.

Verbs, options, sites and the names of instruments are completed with the Tab key. What is printed is a script; its
first lines say how to make it last."""

from __future__ import annotations

import argparse

EXAMPLES = """\
  eval "$(.venv/bin/labline completion bash)"        now, in this bash
  .venv/bin/labline completion fish | source         now, in this fish
"""
LASTING = {
    "bash": 'eval "$({command} completion bash)"     in ~/.bashrc',
    "zsh": 'eval "$({command} completion zsh)"     in ~/.zshrc, after compinit',
    "fish": "{command} completion fish | source     in ~/.config/fish/config.fish",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=tuple(LASTING), help="the shell that you use")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import sys
    from pathlib import Path

    from argcomplete.shell_integration import shellcode

    command = Path(sys.argv[0]).absolute()
    print("# Completion of the labline command. To have it in every shell, put this line")
    print(f"#   {LASTING[arguments.shell].format(command=command)}")
    if arguments.shell == "zsh":
        print("autoload -U +X compinit && (( $+functions[compdef] )) || compinit")
    print(shellcode(["labline"], shell=arguments.shell))
    return 0
