"""What a blocked request raises."""

from typing import Self

from aiohttp import ClientError

from reservation_middleware.model import Decision, ReservationError


class ReservedError(ClientError, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    @staticmethod
    def of(decision: Decision) -> "ReservedError":
        """The error for a decision: ``PolicyUnreachableError`` where no rule of the site blocks."""
        kind = ReservedError if decision.unreachable is None else PolicyUnreachableError
        return kind(decision)

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class PolicyUnreachableError(ReservedError):
    """A request that was blocked since a policy could not be had, by a fault of its site or of
    this machine; ``decision.unreachable`` says what happened. It may pass when asked again.
    """
