"""Servers that the tests talk to: real ones, of other people's making, on loopback."""
