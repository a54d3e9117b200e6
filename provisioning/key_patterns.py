"""Texts of the site file that follow a pattern, told to editors and to people alike."""

from __future__ import annotations

from msgspec import Meta

# Of files: what neither Telegraf nor Grafana takes for anything else.
PLAIN_FILE = r"[A-Za-z0-9_.+@:-]+(/[A-Za-z0-9_.+@:-]+)*"
PATH_PATTERN, FILE_PATTERN = f"^/{PLAIN_FILE}$", f"^/?{PLAIN_FILE}$"


def pattern(description: str, regex: str, words: str) -> Meta:
    """Describe a text that follows a pattern; ``words`` say the same for people, here and in their editors.

    ``regex`` is written as editors read it: for them a ``$`` is the end, for Python a line break may stand behind it.
    """
    return Meta(
        description=description,
        pattern=regex.replace("$", r"\Z"),
        extra_json_schema={"pattern": regex, "patternErrorMessage": f"expected {words}"},
    )


def secret_file(description: str) -> Meta:
    """Describe the name of a file in the folder of secrets, or its path."""
    return pattern(description, FILE_PATTERN, "a file's name or path, with letters, digits and '_ . - + @ : /'")
