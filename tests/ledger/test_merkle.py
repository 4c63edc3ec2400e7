"""The Merkle tree: against RFC 9162 §2.1's recursive definitions, and known vectors."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reservation_middleware.ledger.format.merkle import (
    EMPTY,
    Tree,
    consistency,
    inclusion,
    inclusions,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

#: The inputs and roots of Certificate Transparency's reference implementation, which
#: transparency-dev/merkle keeps in testonly/constants.go: the root over the first n inputs.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
#: Proofs from the same tests: (first, second, path).
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
LARGEST = 40


def hashed(size: int) -> list[bytes]:
    return [leaf_hash(str(index).encode()) for index in range(size)]


def power_below(size: int) -> int:
    """The largest power of two smaller than n."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def mth(data: list[bytes]) -> bytes:
    """MTH of §2.1.1, over the leaves themselves."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = power_below(len(data))
    return sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def path(m: int, data: list[bytes]) -> list[bytes]:
    """PATH of §2.1.3.1."""
    if len(data) == 1:
        return []
    k = power_below(len(data))
    if m < k:
        return [*path(m, data[:k]), mth(data[k:])]
    return [*path(m - k, data[k:]), mth(data[:k])]


def subproof(m: int, data: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of §2.1.4.1."""
    if m == len(data):
        return [] if whole else [mth(data)]
    k = power_below(len(data))
    if m <= k:
        return [*subproof(m, data[:k], whole), mth(data[k:])]
    return [*subproof(m - k, data[k:], False), mth(data[:k])]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Tree().root() == root_of([]) == EMPTY == sha256().digest()


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert root_of(map(leaf_hash, INPUTS[:size])).hex() == ROOTS[size]


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY)
def test_known_consistency_proofs(first: int, second: int, proof: list[str]) -> None:
    hashes = [leaf_hash(data) for data in INPUTS[:second]]
    assert [node.hex() for node in consistency(hashes, first)] == proof


def test_known_inclusion_proof() -> None:
    """From the same tests: the first of eight leaves."""
    assert [node.hex() for node in inclusion([leaf_hash(data) for data in INPUTS], 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_every_root_on_the_way_is_the_recursive_one(data: list[bytes]) -> None:
    tree = Tree()
    for count, leaf in enumerate(data):
        assert (tree.size, tree.root()) == (count, mth(data[:count]))
        tree.append(leaf_hash(leaf))
    assert (tree.size, tree.root()) == (len(data), mth(data))


@pytest.mark.parametrize("size", range(1, LARGEST))
def test_every_audit_path(size: int) -> None:
    data = [str(index).encode() for index in range(size)]
    hashes = hashed(size)
    root = mth(data)
    found = inclusions(iter(hashes), size, range(size))
    for index in range(size):
        proof = inclusion(hashes, index)
        assert proof == found[index] == path(index, data)
        assert verify_inclusion(hashes[index], index, size, proof, root)
        for other in range(size + 1):
            if other != index:
                assert not verify_inclusion(hashes[index], other, size, proof, root)


@pytest.mark.parametrize("size", range(1, LARGEST))
def test_every_consistency_proof(size: int) -> None:
    data = [str(index).encode() for index in range(size)]
    hashes = hashed(size)
    root = mth(data)
    for first in range(1, size + 1):
        proof = consistency(hashes, first)
        assert proof == subproof(first, data, True)
        assert verify_consistency(first, mth(data[:first]), size, root, proof)
        if first < size:
            assert not verify_consistency(first, root, size, root, proof)
            assert not verify_consistency(first, mth(data[:first]), size, EMPTY, proof)
    assert verify_consistency(0, EMPTY, size, root, [])
    assert not verify_consistency(0, root, size, root, [])
    assert not verify_consistency(size + 1, root, size, root, [])


def spoiled(proof: list[bytes], draw: st.DrawFn) -> list[bytes]:
    """A proof that is not this one."""
    how = draw(
        st.sampled_from(["longer", "flipped", "shorter", "swapped"] if proof else ["longer"])
    )
    if how == "shorter":
        cut = draw(st.integers(0, len(proof) - 1))
        return proof[:cut] + proof[cut + 1 :]
    if how == "swapped" and len(proof) > 1:
        place = draw(st.integers(0, len(proof) - 2))
        return [*proof[:place], proof[place + 1], proof[place], *proof[place + 2 :]]
    if how == "flipped":
        place, octet = draw(st.integers(0, len(proof) - 1)), draw(st.integers(0, 31))
        node = bytearray(proof[place])
        node[octet] ^= 1 << draw(st.integers(0, 7))
        return [*proof[:place], bytes(node), *proof[place + 1 :]]
    place = draw(st.integers(0, len(proof)))
    return [*proof[:place], draw(st.binary(min_size=32, max_size=32)), *proof[place:]]


@given(st.data())
@settings(max_examples=300)
def test_spoiled_proofs_are_refused(data: st.DataObject) -> None:
    draw = data.draw
    size = draw(st.integers(1, 200))
    hashes = hashed(size)
    root = root_of(hashes)
    index = draw(st.integers(0, size - 1))
    bad = spoiled(inclusion(hashes, index), draw)  # type: ignore[arg-type]
    assert not verify_inclusion(hashes[index], index, size, bad, root)
    first = draw(st.integers(1, size))
    good = consistency(hashes, first)
    worse = spoiled(good, draw)  # type: ignore[arg-type]
    assert verify_consistency(first, root_of(hashes[:first]), size, root, good)
    assert not verify_consistency(first, root_of(hashes[:first]), size, root, worse)


@given(
    st.integers(-3, 1 << 70),
    st.integers(-3, 1 << 70),
    st.lists(st.binary(max_size=33), max_size=80),
    st.binary(max_size=33),
)
def test_checking_nonsense_is_no_error(one: int, two: int, proof: list[bytes], root: bytes) -> None:
    assert not verify_inclusion(b"x" * 32, one, two, proof, root)
    if one != two or proof:
        assert not verify_consistency(one, EMPTY, two, root, proof) or not one


def test_what_is_not_there_has_no_path() -> None:
    for index in (-1, 3):
        with pytest.raises(IndexError):
            inclusion(hashed(3), index)
    with pytest.raises(IndexError):
        inclusions(hashed(3), 4, [0])
    for first in (-1, 4):
        with pytest.raises(IndexError):
            consistency(hashed(3), first)
    assert inclusions(hashed(5), 3, [1])[1] == inclusion(hashed(3), 1)
