"""Findings about ignores and baselines themselves: without a reason, unknown, or stale."""

from reservation_middleware.model import Level

from .finding import FindingKind

_REFERENCE = "https://reservation-middleware.example/findings/"

NO_REASON = FindingKind(
    ident="ignore-without-reason",
    level=Level.WARNING,
    summary="an ignore without a reason ignores nothing: {}",
    what="A comment ignores a finding and does not say why.",
    why="Who comes next cannot tell a decision from an accident.",
    before="# reservations: ignore[robots-agents-retired]\n",
    after="# reservations: ignore[robots-agents-retired] older crawlers still go by this name\n",
    remedy="Write the reason behind the bracket.",
    reference=_REFERENCE,
)
UNKNOWN = FindingKind(
    ident="ignore-unknown",
    level=Level.WARNING,
    summary="an ignore names no finding that exists: {}",
    what="The ident in a comment or in [lint.ignore] is none of lint's.",
    why="It ignores nothing; most often it is a slip of the pen.",
    before="# reservations: ignore[robots-agent-retird] why\n",
    after="# reservations: ignore[robots-agents-retired] why\n",
    remedy="Write the ident as lint prints it.",
    reference=_REFERENCE,
)
STALE = FindingKind(
    ident="ignore-stale",
    level=Level.INFO,
    summary="this ignores something that is no longer found: {}",
    what="An ignore, or an entry of the baseline, has no finding any more.",
    why="It would hide the finding if that came back.",
    before="# reservations: ignore[robots-agents-retired] why\nUser-agent: GPTBot\n",
    after="User-agent: GPTBot\n",
    remedy="Delete it; --prune takes stale entries out of a baseline.",
    reference=_REFERENCE,
)
KINDS = (NO_REASON, UNKNOWN, STALE)
