from tests.support.snippets import PYTHON, SNIPPETS

from kibitz.cache.key import Identity
from kibitz.findings.guidance import Guidance
from kibitz.findings.prompt import list_review
from kibitz.provider.tokens import estimate, guidance_tokens
from kibitz.review.entries import entries_of, pack

IDENTITY = Identity("e", "m", "list", "p", "s", "r")


def test_an_entry_asks_about_its_unit_in_its_context() -> None:
    entries = {entry.unit.name: entry for entry in entries_of(PYTHON, "python", IDENTITY)}
    entry = entries["Order.total"]
    assert entry.piece.text == entry.unit.text
    assert entry.piece.language == "python"
    assert "class Order: …" in entry.piece.context
    assert entry.piece.eol is None


def test_only_a_single_line_carries_the_documents_line_end() -> None:
    one, two = (
        entries_of(f"X = 1{eol}def f():{eol}    return 1{eol}", "python", IDENTITY) for eol in ("\n", "\r\n")
    )
    assert [entry.piece.eol for entry in one] == ["\n", None]
    assert [entry.piece.eol for entry in two] == ["\r\n", None]
    assert not {entry.digest for entry in one} & {entry.digest for entry in two}


def test_every_digest_is_independent_of_where_the_unit_stands() -> None:
    digests = [entry.digest for entry in entries_of(PYTHON, "python", IDENTITY)]
    moved = entries_of(f"\n\n# moved\n\n{PYTHON}\n\n", "python", IDENTITY)
    assert [entry.digest for entry in moved] == digests
    assert len(set(digests)) == len(digests)


def test_packing_keeps_order_and_stays_within_bounds_as_the_client_counts() -> None:
    entries = [entry for text, _ in SNIPPETS.values() for entry in entries_of(text, "python", IDENTITY)]
    batches = pack(entries, overhead=100, max_tokens=700)
    assert [entry for batch in batches for entry in batch] == entries
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        tokens = 100 + sum(entry.tokens for entry in batch)
        assert tokens <= 700 or len(batch) == 1
        assert following is None or tokens + following[0].tokens > 700
        packed = estimate(list_review([entry.piece for entry in batch]).request.input)
        assert packed <= tokens * 1.05, "numbers grow longer, headings are shared"


def test_units_share_a_request_only_with_those_of_the_same_guidance() -> None:
    one, other = (Guidance(word * 100, ()) for word in ("one ", "other "))
    entries = [
        entry
        for guidance in (None, one, one, other)
        for entry in entries_of(PYTHON, "python", IDENTITY, guidance=guidance)
    ]
    batches = pack(entries, overhead=100, max_tokens=100_000)
    assert [batch[0].piece.guidance for batch in batches] == [None, one, other]
    assert [entry for batch in batches for entry in batch] == entries
    (largest, *_) = sorted((entry.tokens for entry in entries), reverse=True)
    whole = 100 + guidance_tokens(other) + largest
    for batch in pack(entries, overhead=100, max_tokens=whole):
        assert 100 + guidance_tokens(batch[0].piece.guidance) + sum(e.tokens for e in batch) <= whole


def test_a_unit_larger_than_a_request_goes_alone() -> None:
    entries = entries_of(PYTHON, "python", IDENTITY)
    assert [len(batch) for batch in pack(entries, overhead=100, max_tokens=101)] == [1] * len(entries)
    assert [len(batch) for batch in pack(entries, overhead=100, max_tokens=100_000)] == [len(entries)]
    assert pack([], overhead=1, max_tokens=2) == []


def test_what_is_known_is_estimated_only_if_somebody_asks() -> None:
    entries = entries_of(PYTHON, "python", IDENTITY)
    known = entries_of(PYTHON, "python", IDENTITY, known={entry.digest for entry in entries})
    assert {entry.estimated for entry in known} == {None}
    assert [entry.tokens for entry in known] == [entry.tokens for entry in entries]
    assert [entry.digest for entry in known] == [entry.digest for entry in entries]
