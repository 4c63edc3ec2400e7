"""plus:DataMining in copies of images: what is written, what is kept, what is refused."""

import io
from pathlib import Path

import pytest
from media_files import VOCAB, data_mining, jpeg, xmp
from PIL import Image

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.generate import copies, generate
from reservation_middleware.owners.intent import MediaIntent, PathIntent, SiteIntent, Use
from reservation_middleware.syntax import media
from reservation_middleware.syntax.media.embed import EmbedError, embed

PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
PROHIBITED = f"{VOCAB}DMI-PROHIBITED"


def png(packet: bytes | None = None) -> bytes:
    file = io.BytesIO()
    Image.new("L", (3, 3)).save(file, "PNG")
    body = file.getvalue()
    return body if packet is None else embed(body, "https://x.example/", "a", "b", prefix="x")


def mining(body: bytes, kind: str) -> list[str]:
    return [one.value for one in media.read(body, kind).xmp if one.name == "DataMining"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (jpeg(), "image/jpeg"),
        (jpeg(data_mining("DMI-ALLOWED", "<dc:title>kept</dc:title>")), "image/jpeg"),
        (
            jpeg(
                xmp(
                    f"<plus:DataMining>{VOCAB}DMI-ALLOWED</plus:DataMining><dc:title>kept</dc:title>"
                )
            ),
            "image/jpeg",
        ),
        (png(), "image/png"),
        (png(b"x"), "image/png"),
    ],
)
def test_the_property_is_put_in_and_all_else_is_kept(body: bytes, kind: str) -> None:
    changed = embed(body, PLUS, "DataMining", PROHIBITED, prefix="plus")
    assert mining(changed, kind) == [PROHIBITED]
    assert media.read(changed, kind).problems == ()
    before = {
        (one.name, one.value) for one in media.read(body, kind).xmp if one.name != "DataMining"
    }
    after = {
        (one.name, one.value) for one in media.read(changed, kind).xmp if one.name != "DataMining"
    }
    assert before == after
    assert embed(changed, PLUS, "DataMining", PROHIBITED, prefix="plus") == changed
    old, new = Image.open(io.BytesIO(body)), Image.open(io.BytesIO(changed))
    assert old.tobytes() == new.tobytes()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GIF89a",
        b"\xff\xd8\xff",
        jpeg()[:30],
        png()[:40],
        b"\x89PNG\r\n\x1a\n",
        jpeg(b"<x"),
        jpeg(b"<x/>"),
        jpeg(xmp(), xmp()),
    ],
)
def test_what_cannot_be_changed_is_an_error(body: bytes) -> None:
    with pytest.raises(EmbedError):
        embed(body, PLUS, "DataMining", PROHIBITED, prefix="plus")


def test_no_beginning_of_a_file_does_harm() -> None:
    for whole in (jpeg(data_mining("DMI-ALLOWED")), png(b"x")):
        for length in range(len(whole)):
            try:
                embed(whole[:length], PLUS, "DataMining", PROHIBITED, prefix="plus")
            except EmbedError:
                continue


def test_copies_of_the_sites_images(tmp_path: Path) -> None:
    for name, body in {
        "img/a.jpg": jpeg(),
        "img/deep/b.png": png(),
        "img/c.jpg": b"no image",
        "img/free/d.jpg": jpeg(),
        "e.jpg": jpeg(),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jpg"
    outside.write_bytes(jpeg())
    (tmp_path / "img/link.jpg").symlink_to(outside)
    intent = SiteIntent(
        site="https://press.example",
        use={"ai": Use.NO, "tdm": Use.NO, "search": Use.YES},
        path=(PathIntent(match="/img/free/", use={"ai": Use.YES, "tdm": Use.YES}),),
        media=MediaIntent(files=("img/**/*.jpg", "img/**/*.png")),
    )
    found = copies(intent, tmp_path)
    assert set(found.files) == {"img/a.jpg", "img/deep/b.png", "img/free/d.jpg"}
    assert mining(found.files["img/a.jpg"], "image/jpeg") == [
        f"{VOCAB}DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING"
    ]
    assert mining(found.files["img/free/d.jpg"], "image/jpeg") == [f"{VOCAB}DMI-ALLOWED"]
    assert found.lost == []
    assert found.notes == ["img/c.jpg is not copied: neither JPEG nor PNG"]
    assert (tmp_path / "img/a.jpg").read_bytes() == jpeg()
    whole = generate(intent, {}, found)
    assert whole.files["site/img/a.jpg"] == found.files["img/a.jpg"]
    assert whole.survived
    with pytest.raises(ConfigurationError, match=r"^media\.files\[1\]: no file"):
        copies(
            SiteIntent(
                site="https://press.example",
                use={"ai": Use.NO},
                media=MediaIntent(files=("*.webp",)),
            ),
            tmp_path,
        )
