"""Faults of whole machines, with a site on them that goes on reading: what is lost, who is told, when all is well again."""
