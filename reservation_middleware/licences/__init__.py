"""Licences that the operator holds: their file, which of them hold for a page, what they lift.

A licence lifts what the policy makes of a reservation, never what the site says; see
``spec/licences.md`` and ``spec/decision.md``, steps 10 and 11.
"""

from ._file import checked, licences_of, load
from ._held import CARRIER, EXPIRED, SIGNAL, apply, authorization, grants

__all__ = [
    "CARRIER",
    "EXPIRED",
    "SIGNAL",
    "apply",
    "authorization",
    "checked",
    "grants",
    "licences_of",
    "load",
]
