"""Backups: what goes into one, where they are kept, and how old the newest is."""
