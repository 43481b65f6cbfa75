import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from tests.support.answers import answers
from tests.support.fake_answers import Bug, reviewer
from tests.support.fake_provider import FakeProvider, fake_faults

from kibitz.cache.key import Identity
from kibitz.findings.finding import Confidence, Finding, Severity
from kibitz.findings.guidance import Guidance
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import APIError, ConfigError, OpenAIError
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.models import BatchAnalysis, Piece, PieceAnalysis, Usage
from kibitz.review.reviewer import Client, Review, Reviewer, ReviewSettings, Source
from kibitz.text.spans import Span

IDENTITY = Identity("e", "m", "list", "p", "s", "r")
ONE_PER_REQUEST = ReviewSettings(max_request_tokens=64)


def function(name: str, body: str = "good") -> str:
    return f"def {name}():\n    return {body}\n"


def document(*names: str) -> str:
    return "\n\n".join(function(name) for name in names)


class FakeClient:
    """Finds every ``bug``; waits for ``go`` if told to; fails for pieces that hold ``fail``."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.urgencies: list[Urgency] = []
        self.cancelled = 0
        self.go: asyncio.Event | None = None
        self.tickets: asyncio.Queue[None] | None = None
        """An answer takes one, if there are any."""
        self.arrived = asyncio.Event()
        self.errors: dict[str, Exception] = {}
        self.lands_early = False

    async def process_pieces(
        self,
        pieces: Sequence[Piece],
        *,
        on_piece: Callable[[int, PieceAnalysis], None] | None = None,
        on_failure: Callable[[int, OpenAIError], None] | None = None,
        on_finding: Callable[[int, Finding], None] | None = None,
        urgency: Urgency | None = None,
        verify: bool = False,
        known: Mapping[int, PieceAnalysis] | None = None,
    ) -> BatchAnalysis:
        assert urgency is not None
        assert on_failure is not None
        assert on_finding is None
        assert not verify
        assert not known
        self.urgencies.append(urgency)
        self.asked.append([piece.text.split("(")[0].removeprefix("def ") for piece in pieces])
        analyses = [self.analyse(piece.text) for piece in pieces]
        if self.lands_early and on_piece is not None:
            on_piece(0, analyses[0])
        self.arrived.set()
        try:
            if self.go is not None:
                await self.go.wait()
            if self.tickets is not None:
                await self.tickets.get()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        for word, error in self.errors.items():
            if any(word in piece.text for piece in pieces):
                raise error
        usage = Usage(requests=1, input_tokens=100, output_tokens=10)
        return BatchAnalysis(tuple(analyses), usage, "fake", redactions=1)

    async def has_been_asked(self, times: int) -> None:
        while len(self.asked) < times:
            self.arrived.clear()
            await self.arrived.wait()

    @staticmethod
    def analyse(text: str) -> PieceAnalysis:
        at = text.find("bug")
        if at < 0:
            return PieceAnalysis(dropped={"quote-not-found": 1})
        span = Span(at, at + 3)
        return PieceAnalysis(
            (Finding("wrong-value", Severity.ERROR, Confidence.CERTAIN, "Bug", "Always", span, "bug"),)
        )


def make(client: Client, settings: ReviewSettings | None = None) -> Reviewer:
    return Reviewer(client, answers(), IDENTITY, settings)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_document_is_reviewed_in_one_request_and_findings_are_its_own() -> None:
    client = FakeClient()
    text = document("a", "b") + "\n\n" + function("c", "bug")
    review = await make(client).review(Source(text, "python"))
    assert client.asked == [["a", "b", "c"]]
    assert [finding.span.of(text) for finding in review.findings] == ["bug"]
    assert review.complete
    assert not review.unreviewed
    assert not review.errors
    assert review.stats.units == 3
    assert review.stats.cached_units == 0
    assert review.stats.usage.requests == 1
    assert review.stats.dropped == {"quote-not-found": 2}
    assert review.stats.redactions == 1


async def test_an_edit_costs_one_unit_and_undo_and_moves_cost_nothing() -> None:
    client = FakeClient()
    reviews = make(client)
    text = document("a", "b", "c")
    await reviews.review(Source(text, "python"))
    edited = text.replace("def b():\n    return good", "def b():\n    return bug")
    review = await reviews.review(Source(edited, "python"))
    assert client.asked[1:] == [["b"]]
    assert (review.stats.cached_units, len(review.findings)) == (2, 1)
    for same in (text, edited, f"# moved\n\n\n{edited}", document("c", "a", "b")):
        review = await reviews.review(Source(same, "python", name="other.py"))
        assert review.stats.cached_units == 3
        assert review.stats.usage == Usage()
    assert len(client.asked) == 2


async def test_the_language_and_the_identity_are_part_of_what_is_known() -> None:
    client = FakeClient()
    reviews = make(client)
    await reviews.review(Source("x = f(1)\n", "python"))
    await reviews.review(Source("x = f(1)\n", "ruby"))
    reviews.identity = replace(IDENTITY, model="other")
    await reviews.review(Source("x = f(1)\n", "python"))
    assert len(client.asked) == 3
    await reviews.forget()
    await reviews.review(Source("x = f(1)\n", "python"))
    assert len(client.asked) == 4


async def test_a_document_without_code_asks_nothing() -> None:
    client = FakeClient()
    review = await make(client).review(Source("# nothing\n", "python"))
    assert review == Review()
    assert not client.asked


async def test_the_same_text_twice_in_a_document_is_asked_once() -> None:
    client = FakeClient()
    text = "class A:\n    x = bug(0)\n\n\nclass A:\n    x = bug(0)\n"
    review = await make(client).review(Source(text, "python"))
    assert len(client.asked[0]) == 1
    assert [finding.span.start for finding in review.findings] == [text.index("bug"), text.rindex("bug")]


async def test_two_documents_share_what_is_in_the_air() -> None:
    client = FakeClient()
    client.go = asyncio.Event()
    reviews = make(client)
    tasks: list[asyncio.Task[Review]] = []
    for names in (("a", "b"), ("b", "c"), ("b", "c")):
        source, boarded = Source(document(*names), "python"), asyncio.Event()

        def told(_: Review, boarded: asyncio.Event = boarded) -> None:
            boarded.set()

        tasks.append(asyncio.create_task(reviews.review(source, on_progress=told)))
        await boarded.wait()
    client.go.set()
    results = await asyncio.gather(*tasks)
    assert client.asked == [["a", "b"], ["c"]]
    assert all(result.complete and not result.unreviewed for result in results)
    assert [result.stats.usage.requests for result in results] == [1, 1, 0]
    assert [result.stats.shared_units for result in results] == [0, 1, 2]


async def test_cancelling_stops_only_what_nobody_else_waits_for() -> None:
    client = FakeClient()
    client.go = asyncio.Event()
    reviews = make(client, ONE_PER_REQUEST)
    boarded = asyncio.Event()
    one = asyncio.create_task(reviews.review(Source(document("a", "b", "c"), "python")))
    await client.has_been_asked(3)
    two = asyncio.create_task(
        reviews.review(Source(document("b"), "python"), on_progress=lambda _: boarded.set())
    )
    await boarded.wait()
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    await turns()
    assert client.cancelled == 2
    client.go.set()
    assert (await two).complete
    assert len(client.asked) == 3
    three = await reviews.review(Source(document("a", "b"), "python"))
    assert client.asked[3:] == [["a"]]
    assert three.stats.cached_units == 1


async def test_what_landed_before_a_cancellation_is_kept() -> None:
    client = FakeClient()
    client.go, client.lands_early = asyncio.Event(), True
    reviews = make(client)
    task = asyncio.create_task(reviews.review(Source(document("a", "b"), "python")))
    await client.arrived.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    client.go.set()
    await reviews.review(Source(document("a", "b"), "python"))
    assert client.asked == [["a", "b"], ["b"]]


async def test_progress_is_told_at_the_start_and_as_answers_come() -> None:
    client = FakeClient()
    text = document("a", "b") + "\n\n" + function("c", "bug")
    reviews = make(client, ONE_PER_REQUEST)
    await reviews.review(Source(function("a"), "python"))
    tickets: asyncio.Queue[None] = asyncio.Queue()
    client.tickets = tickets
    states: list[Review] = []

    def on_progress(state: Review) -> None:
        states.append(state)
        tickets.put_nowait(None)

    review = await reviews.review(Source(text, "python"), on_progress=on_progress)
    assert [len(state.pending) for state in states] == [2, 1]
    assert not any(state.complete or state.unreviewed for state in states)
    assert states[0].pending[0].of(text) == function("b").rstrip()
    assert len(review.findings) == 1
    assert review.complete


async def test_a_failing_batch_leaves_the_others_and_is_asked_again_next_time() -> None:
    client = FakeClient()
    client.errors["def b"] = APIError("overloaded; try again later", retryable=True)
    text = document("a", "b") + "\n\n" + function("c", "bug")
    reviews = make(client, ONE_PER_REQUEST)
    review = await reviews.review(Source(text, "python"))
    assert review.complete
    assert [span.of(text) for span in review.unreviewed] == [function("b").rstrip()]
    assert [error.message for error in review.errors] == ["overloaded; try again later"]
    assert len(review.findings) == 1
    client.errors.clear()
    again = await reviews.review(Source(text, "python"))
    assert client.asked[3:] == [["b"]]
    assert not again.unreviewed


async def test_a_failure_tells_what_it_used_and_what_landed_of_it_counts() -> None:
    client = FakeClient()
    client.lands_early = True
    client.errors["def b"] = APIError("cut off", usage=Usage(requests=1, input_tokens=70))
    review = await make(client).review(Source(document("a", "b", "c"), "python"))
    assert len(review.unreviewed) == 2
    assert review.stats.usage.input_tokens == 70


async def test_the_same_failure_is_told_once() -> None:
    client = FakeClient()
    for name in "abc":
        client.errors[f"def {name}"] = APIError("unreachable")
    client.errors["def d"] = APIError("something else")
    review = await make(client, ONE_PER_REQUEST).review(Source(document("a", "b", "c", "d"), "python"))
    assert sorted(error.message for error in review.errors) == ["something else", "unreachable"]
    assert len(review.unreviewed) == 4


async def test_a_configuration_error_stops_the_asking() -> None:
    names = [f"f{number}" for number in range(30)]
    async with FakeProvider(lambda _: fake_faults.status(401)) as fake, real_client(fake) as client:
        review = await make(client, ONE_PER_REQUEST).review(Source(document(*names), "python"))
        assert len(fake.requests) <= 2 * client.config.max_concurrency
    assert review.complete
    assert len(review.unreviewed) == 30
    assert [type(error) for error in review.errors] == [ConfigError]


async def test_anothers_failure_is_not_ours_if_our_units_landed() -> None:
    client = FakeClient()
    client.go, client.lands_early = asyncio.Event(), True
    client.errors["def b"] = APIError("broken")
    reviews = make(client)
    one = asyncio.create_task(reviews.review(Source(document("a", "b"), "python")))
    await client.arrived.wait()
    two = await reviews.review(Source(document("a"), "python"))
    client.go.set()
    assert not two.errors
    assert two.stats.cached_units == 1
    assert (await one).errors


async def test_a_bug_of_ours_is_raised_and_ends_the_rest() -> None:
    client = FakeClient()
    client.errors["def b"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await make(client, ONE_PER_REQUEST).review(Source(document("a", "b", "c"), "python"))


async def test_all_that_is_missing_is_asked_for_at_once_and_as_urgently_as_the_review() -> None:
    client = FakeClient()
    client.go = asyncio.Event()
    reviews = make(client, ONE_PER_REQUEST)
    background, focused = Urgency(Priority.WARMING), Urgency(Priority.FOCUSED)
    names = [f"f{number}" for number in range(20)]
    one = asyncio.create_task(reviews.review(Source(document(*names), "python"), urgency=background))
    await client.has_been_asked(20)
    assert {urgency.priority for urgency in client.urgencies} == {Priority.WARMING}

    boarded = asyncio.Event()
    source = Source(document("f3", "new"), "python")
    two = asyncio.create_task(reviews.review(source, urgency=focused, on_progress=lambda _: boarded.set()))
    await boarded.wait()
    await client.has_been_asked(21)
    assert [urgency.priority for urgency in client.urgencies[:5]] == [3, 3, 3, 1, 3], "what it boarded rose"
    assert client.urgencies[20].priority is Priority.FOCUSED

    focused.rise_to(Priority.EXPLICIT)
    assert [client.urgencies[n].priority for n in (3, 4, 20)] == [0, 3, 0]
    background.rise_to(Priority.OPEN)
    assert [client.urgencies[n].priority for n in (3, 4, 20)] == [0, 2, 0]
    two.cancel()
    await asyncio.gather(two, return_exceptions=True)
    assert not focused._listeners, "who leaves is not listened to"
    client.go.set()
    assert (await one).complete
    assert not background._listeners


async def test_other_settings_show_other_findings_without_asking() -> None:
    client = FakeClient()
    reviews = make(client)
    source = Source(function("a", "bug"), "python")
    assert (await reviews.review(source)).findings
    reviews.settings = ReviewSettings(rules_off=frozenset({"wrong-value"}))
    review = await reviews.review(source)
    assert not review.findings
    assert review.stats.hidden == 1
    assert len(client.asked) == 1


async def test_closing_ends_reviews_with_what_they_have() -> None:
    client = FakeClient()
    client.go = asyncio.Event()
    reviews = make(client)
    task = asyncio.create_task(reviews.review(Source(document("a"), "python")))
    await client.arrived.wait()
    await reviews.aclose()
    review = await task
    assert client.cancelled == 1
    assert len(review.unreviewed) == 1
    assert isinstance(review.errors[0], OpenAIError)
    await reviews.aclose()


def real_client(fake: FakeProvider) -> OpenAIClient:
    return OpenAIClient(
        OpenAIConfig(base_url=fake.base_url, model="fake-1", retry_config=RetryConfig(max_retries=0))
    )


BIG = "\n\n\n".join(
    f"def function_{n}(values, limit):\n"
    f'    """Function number {n} of many, with its documentation."""\n'
    + "".join(f"    if values[{line}] > limit:\n        limit = values[{line}] + {n}\n" for line in range(12))
    + "    return limit\n"
    for n in range(100)
)


async def test_the_real_client_over_http() -> None:
    text = BIG.replace("    return limit\n", "    return len(value)\n", 1)
    async with FakeProvider(reviewer(Bug("len(value)", "len(values)"))) as fake, real_client(fake) as client:
        reviews = make(client)
        review = await reviews.review(Source(text, "python"))
        assert [finding.span.of(text) for finding in review.findings] == ["return len(value)"]
        fix = review.findings[0].fix
        assert fix is not None
        assert text[: fix.span.start] + fix.new_text + text[fix.span.end :] == text.replace(
            "len(value)", "len(values)"
        )
        asked = len(fake.requests)
        assert asked == review.stats.usage.requests
        edited = text.replace("+ 50\n", "+ 51\n", 1)
        again = await reviews.review(Source(edited, "python"))
        assert len(fake.requests) == asked + 1
        assert again.stats.usage.input_tokens < 3_000
        assert len(again.findings) == 1
        await reviews.review(Source(text, "python"))
        assert len(fake.requests) == asked + 1


async def test_the_real_client_sends_each_batch_as_one_request() -> None:
    async with FakeProvider() as fake, real_client(fake) as client:
        review = await make(client).review(Source(BIG, "python"))
        lines = BIG.count("\n")
        assert lines > 2_800
        assert review.complete
        assert not review.errors
        assert len(fake.requests) == review.stats.usage.requests <= 15
        prompts = [seen.prompt.text for seen in fake.requests]
        assert sum(prompt.count("\n### Piece ") + 1 for prompt in prompts) == 100


async def test_a_look_asks_for_nothing_and_shows_what_is_known() -> None:
    client = FakeClient()
    reviewer = make(client)
    await reviewer.review(Source(function("a", "bug"), "python"))
    text = function("a", "bug") + "\n\n" + function("b", "bug")
    looked = await reviewer.review(Source(text, "python"), ask=False)
    assert client.asked == [["a"]]
    assert [found.span.start for found in looked.findings] == [text.index("bug")]
    assert [span.of(text) for span in looked.unreviewed] == [function("b", "bug").rstrip()]
    assert looked.errors == ()
    assert looked.waiting == 0
    assert [found.origin.cached for found in looked.findings if found.origin] == [True]


async def test_what_is_half_typed_is_not_asked_about_and_the_rest_is() -> None:
    client = FakeClient()
    reviewer = make(client)
    before = function("b", "bug") + "\n\n" + function("a", "(bug")
    typed = Span(before.index("(bug"), len(before) - 1)
    review = await reviewer.review(Source(before, "python", edited=(typed,)))
    assert client.asked == [["b"]]
    assert review.waiting == 1
    assert [span.of(before) for span in review.unreviewed] == [function("a", "(bug").rstrip()]
    assert review.errors == ()
    review = await reviewer.review(Source(before, "python"))
    assert client.asked == [["b"], ["a"]], "who saves it, or asks for it, need not have it parse"
    again = await reviewer.review(Source(before, "python", edited=(typed,)))
    assert again.waiting == 0, "it is known by now"
    assert again.unreviewed == ()


async def test_each_review_may_show_something_else() -> None:
    reviewer = make(FakeClient())
    source = Source(function("a", "bug"), "python")
    assert (await reviewer.review(source)).findings
    nothing = ReviewSettings(rules_off=frozenset({"wrong-value"}))
    assert not (await reviewer.review(source, settings=nothing)).findings
    assert (await reviewer.review(source)).findings


class Refusing:
    """Does not want findings in files of one name."""

    def of(self, source: Source) -> Callable[[Finding], str | None]:
        return lambda _finding: "not here" if source.path == "/w/a.py" else None


async def test_what_was_dismissed_is_told_apart_also_where_the_whole_file_is_known() -> None:
    reviewer = make(FakeClient(), ReviewSettings(dismissing=Refusing()))
    text = function("a", "bug")
    for _ in range(2):
        here = await reviewer.review(Source(text, "python", path="/w/a.py"))
        assert [(each.finding.quote, each.why) for each in here.dismissed] == [("bug", "not here")]
        assert here.findings == ()
        elsewhere = await reviewer.review(Source(text, "python", path="/w/b.py"))
        assert [found.quote for found in elsewhere.findings] == ["bug"]
        assert elsewhere.dismissed == ()


class Shop:
    """A project that adds something to what is below its folder."""

    def __init__(self) -> None:
        self.word = "one"

    def of(self, source: Source) -> Guidance | None:
        return Guidance(self.word) if source.path.startswith("/shop/") else None


async def test_what_a_project_adds_is_asked_for_and_remembered_with_it() -> None:
    client, shop = FakeClient(), Shop()
    reviewer = Reviewer(client, answers(), IDENTITY, guiding=shop)
    inside, outside = (Source(function("a"), "python", path=path) for path in ("/shop/a.py", "/a.py"))
    for source in (outside, inside, outside, inside):
        await reviewer.review(source)
    assert len(client.asked) == 2
    shop.word = "two"
    assert len((await reviewer.missing(inside))[0]) == 1
    assert await reviewer.missing(outside) == ([], 1)
    await reviewer.review(inside)
    shop.word = "one"
    await reviewer.review(inside)
    assert len(client.asked) == 3


async def test_whoever_rewrites_is_not_told_what_a_project_adds() -> None:
    client = FakeClient()
    reviewer = Reviewer(client, answers(), replace(IDENTITY, mode="rewrite"), guiding=Shop())
    for path in ("/a.py", "/shop/a.py"):
        await reviewer.review(Source(function("a"), "python", path=path))
    assert len(client.asked) == 1


async def test_a_document_of_too_many_units_is_not_sent_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kibitz.guard.budget.MAX_UNITS", 2)
    async with FakeProvider(reviewer()) as fake, real_client(fake) as client:
        text = document("one", "two", "three")
        review = await make(client).review(Source(text, "python"))
        assert fake.requests == []
    assert [error.code for error in review.errors] == ["too-many-units"]
    assert review.unreviewed == (Span(0, len(text)),)
