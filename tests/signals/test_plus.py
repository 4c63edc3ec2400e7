"""PLUS data mining: what vectors cannot say. Values from strangers never raise."""

import pytest

pytest.importorskip("PIL")
pytest.importorskip("pikepdf")
pytest.importorskip("c2pa")

import media_files as make
from hypothesis import given, settings
from hypothesis import strategies as st

from reservation_middleware import Agent, Check, Decision, Document, Outcome
from reservation_middleware.model import PAGE, Preference

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=200)


def decide(body: bytes, media_type: str = "image/jpeg") -> Decision:
    check = Check("https://a.example/x", agent=Agent("ExampleBot"))
    head = (("content-type", media_type),)
    check.feed(
        Document(
            url="https://a.example/x",
            resource=PAGE,
            outcome=Outcome.FETCHED,
            status=200,
            headers=head,
            body=body,
        )
    )
    return check.decide()


def escaped(text: str) -> str:
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace('"', "&quot;")
        .replace("'", "&apos;")
    )


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_no_value_but_those_of_the_vocabulary_allows(value: str) -> None:
    decision = decide(make.jpeg(make.xmp(attributes=f'plus:DataMining="{escaped(value)}"')))
    assert "allowed" not in decision.usage.values() or "DMI-" in value.upper()


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_offers_are_addresses(url: str, mail: str, phone: str) -> None:
    decision = decide(
        make.jpeg(
            make.xmp(
                f"<plus:Licensor rdf:parseType='Resource'><plus:LicensorURL>{escaped(url)}</plus:LicensorURL>"
                f"<plus:LicensorEmail>{escaped(mail)}</plus:LicensorEmail>"
                f"<plus:LicensorTelephone1>{escaped(phone)}</plus:LicensorTelephone1></plus:Licensor>"
            )
        )
    )
    for offer in decision.offers:
        assert offer.contact
        assert offer.contact.startswith(("http://", "https://", "tel:")) or "@" in offer.contact


def test_a_flood_of_values_is_counted_and_little_of_it_shown() -> None:
    items = "".join(f"<rdf:li>DMI-ALLOWED{' ' * n}</rdf:li>" for n in range(500))
    packet = make.xmp(
        f"<plus:DataMining><rdf:Bag>{items}<rdf:li>DMI-PROHIBITED</rdf:li></rdf:Bag></plus:DataMining>"
    )
    decision = decide(make.png(packet), "image/png")
    assert decision.blocked
    assert len(decision.reasons) <= 16


def test_a_reservation_keeps_a_file_from_a_data_set_under_any_type() -> None:
    body = make.png(make.data_mining("DMI-PROHIBITED"))
    for media_type in ("image/png", "application/octet-stream", "text/html", ""):
        assert decide(body, media_type).blocked


ALLOWED = "<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-ALLOWED</plus:DataMining>"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (make.jpeg(make.xmp(ALLOWED + "<plus:x>y</plus:x>" * 1_000)), "image/jpeg"),
        (make.jpeg(make.xmp(ALLOWED), *[make.xmp()] * 16), "image/jpeg"),
        (make.png(make.xmp(ALLOWED + "<plus:x/>" * 15_000)), "image/png"),
    ],
    ids=["properties", "packets", "elements"],
)
def test_beside_more_than_is_read_nothing_is_allowed(body: bytes, kind: str) -> None:
    decision = decide(body, kind)
    assert "plus-unreadable" in {note.kind.ident for note in decision.notes}
    assert set(decision.usage.values()) == {Preference.UNKNOWN}
    rest = make.jpeg(make.xmp(ALLOWED))
    assert Preference.ALLOWED in decide(rest).usage.values()
