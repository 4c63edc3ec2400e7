"""The errors a user of the package may meet; nothing a site sends ever raises one.

An adapter's ``ReservedError`` lives in the adapter, because it must also be the host
framework's own kind of error.
"""


class ReservationError(Exception):
    """Root of every error of this package."""


class ConfigurationError(ReservationError, ValueError):
    """The operator's configuration cannot be used; the message names the nearest valid word."""


class LedgerError(ReservationError):
    """A ledger cannot be opened, read or trusted; the message says where and why."""


class StorageError(LedgerError):
    """The folder, the key, the disk or the rights that a ledger needs are not there.

    It says nothing about the evidence: the command line's status is 2, not 1.
    """


class AuthorityError(LedgerError):
    """A time-stamp authority gave no token; the command line's status is 3."""


class NothingSignedError(LedgerError):
    """No signed line of a ledger is about what was asked; that is an answer, and no fault."""
