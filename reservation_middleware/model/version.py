"""Versions: of the package, and of the behaviour that ``spec/`` describes."""

__version__ = "0.1.0"

#: Every record carries it.
SPEC_VERSION = "2026-11-30"
