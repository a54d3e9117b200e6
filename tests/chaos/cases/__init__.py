"""The cases: each module has a list ``CASES``."""
