from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.lsp.features.test_execute_command import run
from tests.support.lsp_wire import Wire, edit, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, finding

from kibitz.findings.finding import Finding, Origin

TEXT = "x = bug\n"


def found(*, cached: bool = False) -> Finding:
    return replace(finding(TEXT, "bug", "fixed"), origin=Origin("gpt", cached=cached))


async def measured(wire: Wire) -> dict[str, Any]:
    result = (await run(wire, "metrics"))["result"]
    return {each["name"]: each["series"] for each in result["metrics"]}


async def reviewed(wire: Wire, service: FakeService, *findings: Finding) -> None:
    await until(lambda: bool(service.calls))
    service.calls[-1].answer.set_result(FakeOutcome(findings))
    await until(lambda: wire.server.session.busy == 0)


async def test_all_that_is_measured_is_told_and_nothing_is_shown(wire: Wire) -> None:
    await wire.initialize()
    shown = len(wire.messages)
    result = (await run(wire, "metrics"))["result"]
    assert result["prometheus"] is None
    assert {each["name"] for each in result["metrics"]} == {
        each.described.name for each in wire.server.measuring.metrics
    }
    assert len(wire.messages) == shown


async def test_what_becomes_of_a_finding_and_when_it_came() -> None:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open(TEXT)
    await until(lambda: bool(service.calls))
    wire.clock.advance(1.5)
    await reviewed(wire, service, found())
    told = await measured(wire)
    assert told["kibitz_findings_total"] == [{"labels": {"rule": "KB101", "fate": "shown"}, "value": 1.0}]
    (first,) = told["kibitz_first_finding_seconds"]
    assert (first["count"], first["sum"]) == (1, 1.5)
    assert told["kibitz_event_loop_lag_seconds"][0]["count"] > 0

    wire.change(2, edit((0, 4), (0, 7), "fixed"))
    wire.clock.advance(60)
    await until(lambda: len(service.calls) == 2)
    await reviewed(wire, service)
    fates = {
        each["labels"]["fate"]: each["value"] for each in (await measured(wire))["kibitz_findings_total"]
    }
    assert fates == {"shown": 1.0, "fixed": 1.0}
    await wire.close()
    assert wire.server.measuring.lag._timer is None


async def test_what_was_known_is_no_first_finding() -> None:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open(TEXT)
    await reviewed(wire, service, found(cached=True))
    assert (await measured(wire))["kibitz_first_finding_seconds"] == []
    await wire.close()
