"""Grammars: they know formats and line numbers, no policy and no signal.

Ground floor: imports nothing of the package but its own files.
"""
