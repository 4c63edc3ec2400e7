"""Whether an application under test reserves a page: asked through its own test client.

For ``pytest_reservations``. Policies are asked for as a crawler asks, in the application's process;
nothing is fetched from elsewhere.
"""

from collections.abc import Iterable
from typing import Any

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.profiles import profile
from reservation_middleware.model import PAGE, Agent, Decision, Document, Outcome, Preference
from reservation_middleware.syntax.path import split_url

#: The origin of paths that are given without one.
_ORIGIN = "https://app.example"
#: Rounds in which documents may ask for further documents.
_ROUNDS = 5


def assert_reserved(client: Any, url: str, purpose: str = "ai-train", *, agent: str = "*") -> None:
    """Fail unless what an application serves says no to a purpose.

    Args:
        client: with ``get(path)``, as the test clients of Django, Flask and Starlette have.
        url: path of the page, or its absolute address.
        purpose: a leaf or shorthand of the vocabulary; of a shorthand every leaf must be reserved.
        agent: who asks, by product token.

    Raises:
        AssertionError: it is not reserved; the message says what was read and what each place says.
        ConfigurationError: the purpose or the agent is none.
    """
    decision, documents = _judged(client, url, Agent(agent, (purpose,)))
    leaves = Agent(agent, (purpose,)).leaves
    open_leaves = [leaf for leaf in leaves if decision.usage[leaf] is not Preference.DISALLOWED]
    if decision.crawl is Preference.DISALLOWED or not open_leaves:
        return
    raise AssertionError(_message(decision, documents, open_leaves, purpose))


def _judged(client: Any, url: str, agent: Agent) -> tuple[Decision, list[Document]]:
    """The decision about a page, and the documents that it rests on."""
    address = url if "://" in url else _ORIGIN + url
    check = Check(address, agent=agent, policy=profile("opt-out"))
    documents = []
    for _ in range(_ROUNDS):
        wanted = check.wants()
        if not wanted:
            break
        for request in wanted:
            document = _asked(client, request.url, request.resource)
            documents.append(document)
            check.feed(document)
    page = _asked(client, address, PAGE)
    documents.append(page)
    check.feed(page)
    for request in check.wants():
        document = _asked(client, request.url, request.resource)
        documents.append(document)
        check.feed(document)
    return check.decide(), documents


def _asked(client: Any, url: str, resource: str) -> Document:
    """What the application answers; what is of another origin is not asked for."""
    origin, target = split_url(url)
    if resource != PAGE and origin != _ORIGIN and not url.startswith(origin):
        return Document(url=url, resource=resource, outcome=Outcome.UNREACHABLE)
    response = client.get(target)
    status = int(response.status_code)
    headers = getattr(response, "headers", None)
    pairs: Iterable[tuple[Any, Any]] = (headers if headers is not None else response).items()
    content = getattr(response, "content", None)
    return Document(
        url=url,
        resource=resource,
        outcome=Outcome.of(status),
        status=status,
        headers=tuple((str(name).lower(), str(value)) for name, value in pairs),
        body=bytes(content if content is not None else response.data),
    )


def _message(
    decision: Decision, documents: Iterable[Document], leaves: Iterable[str], purpose: str
) -> str:
    words = {Preference.ALLOWED: "yes", Preference.UNKNOWN: "not said"}
    values = ", ".join(
        f"{leaf}: {words.get(value, 'not said') if value else 'not said'}"
        for leaf in leaves
        for value in (decision.usage[leaf],)
    )
    lines = [f"{decision.url} is not reserved for {purpose} ({values})"]
    lines += [
        f"  {reason.carrier} says {'no' if reason.preference is Preference.DISALLOWED else 'yes'}"
        f" to {reason.category}: {reason.text}"
        for reason in decision.reasons
    ]
    lines += [f"  {document.resource}: HTTP {document.status}" for document in documents]
    lines += [f"  note {note.kind.ident}: {note.summary}" for note in decision.notes]
    return "\n".join(lines)
