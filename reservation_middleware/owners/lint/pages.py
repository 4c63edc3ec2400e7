"""What a kind of finding means, as Markdown, from its declaration: for --explain and the docs."""

from .finding import FindingKind


def explanation(kind: FindingKind) -> str:
    """The page of a kind of finding, without examples from elsewhere."""
    summary = kind.summary.replace("{}", "…").strip()
    if "." not in summary.split()[0]:  # "tdmrep.json" stays as it is
        summary = summary[:1].upper() + summary[1:]
    lines = [
        f"# {kind.ident}",
        "",
        f"{summary.rstrip('?.…: ')}{'?' if summary.endswith('?') else '.'}"
        if summary != "…"
        else "",
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
