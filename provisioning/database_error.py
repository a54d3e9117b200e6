"""What the database's errors are, for whoever tells of them and does not talk to it: needs no package."""

from __future__ import annotations


class DatabaseError(Exception):
    """The database can't be reached, refuses, or does not take a statement: what, where, what to do."""
