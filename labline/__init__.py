"""The `labline` command: one module a verb, each with `add(parser)` and `run(arguments) -> exit status`."""
