"""What a kind of finding means, as Markdown, from its declaration: for --explain and the docs."""

from .finding import FindingKind


def explanation(kind: FindingKind) -> str:
    """The page of a kind of finding, without examples from elsewhere."""
    lines = [
        f"# {kind.ident}",
        "",
        f"{kind.summary.replace('{}', '…').strip()[:1].upper()}{kind.summary.replace('{}', '…')[1:]}.",
        "",
        f"Level {kind.level}, confidence {kind.confidence}, since {kind.since}.",
        "",
    ]
    for title, text in (("What", kind.what), ("Why", kind.why)):
        if text:
            lines += [f"## {title}", "", text, ""]
    for title, text in (("Before", kind.before), ("After", kind.after)):
        if text:
            lines += [f"## {title}", "", "```text", text.rstrip("\n"), "```", ""]
    lines += ["## What to do", "", kind.remedy, ""]
    if kind.parsers:
        lines += ["## Which parsers", "", *(f"- {parser}" for parser in kind.parsers), ""]
    lines += ["## Reference", "", f"<{kind.reference}>"]
    return "\n".join(lines) + "\n"
