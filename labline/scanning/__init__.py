"""Looks for instruments. Each module's functions yield Findings, and texts about what they are doing."""
