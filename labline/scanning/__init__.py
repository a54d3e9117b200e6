"""Looks for instruments. Each module's functions yield FoundPlaces, and texts about what they are doing."""
