"""Two servers, scraped by a real Prometheus that finds them by itself, and asked what the dashboard asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support import canary, fake_faults
from tests.support.dashboard import queries
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess
from tests.support.prometheus_server import PrometheusServer

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from tests.support.lsp_process import Json

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")
CODE = "def mean(values):\n    return sum(values) / len(value)\n"
PRICES = '[prices."gpt-6-luna"]\ninput = 100\ncached = 10\noutput = 500\n'


def configuration(targets: Path) -> str:
    """The page's, for a test that has no minute for each scrape."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    config, count = re.subn(r'"[^"]*/kibitz/metrics/\*\.json"', f'"{targets}/*.json"', block)
    assert count == 1
    config, count = re.subn(r"scrape_interval: \S+", "scrape_interval: 1s", config)
    assert count == 1
    return f"{config}\n"


def server(home: Path, state: Path, fake: FakeProvider) -> ServerProcess:
    settings = home / "config" / "kibitz"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text(PRICES)
    return ServerProcess(
        home,
        XDG_CONFIG_HOME=str(home / "config"),
        KIBITZ_STATE_DIR=str(state),
        KIBITZ_PROMETHEUS_PORTS="any",
        KIBITZ_DEBOUNCE_MS="50",
        KIBITZ_INITIAL_BACKOFF_MS="1",
        OPENAI_BASE_URL=fake.base_url,
        OPENAI_API_KEY=canary.KEY,
    )


async def measured(editor: ServerProcess) -> Json:
    answer = await editor.request("workspace/executeCommand", {"command": "kibitz.metrics"})
    result: Json = answer["result"]
    return result


async def test_two_servers_are_found_scraped_and_shown(tmp_path: Path) -> None:
    state, one_home, other_home = (tmp_path / name for name in ("state", "one", "other"))
    async with (
        FakeProvider(reviewer(BUG)) as fake,
        server(one_home, state, fake) as one,
        server(other_home, state, fake) as other,
        PrometheusServer(tmp_path / "prometheus", configuration(state / "metrics")) as prometheus,
    ):
        await one.initialize()
        await other.initialize()
        found = await prometheus.until("count(kibitz_resident_memory_bytes) == 2")
        assert found[0]["value"][1] == "2"
        urls = {(await measured(editor))["prometheus"] for editor in (one, other)}
        up = await prometheus.query('up{job="kibitz"} == 1')
        assert {f"http://{series['metric']['instance']}/metrics" for series in up} == urls

        # One is told to wait a little, finds, and shows; its fix is made. The other knows it from the disk.
        fake.push(fake_faults.status(429, "slow_down"))
        buffer = Buffer(one, f"file://{one_home}/a.py", CODE, Encoding.UTF16)
        buffer.open()
        (diagnostic,) = await buffer.diagnostics(1)
        buffer.apply(await buffer.fix(diagnostic["range"]))
        await buffer.diagnostics(0)
        await one.at_rest()
        await one.request("workspace/executeCommand", {"command": "kibitz.metrics"})
        again = Buffer(other, f"file://{other_home}/b.py", CODE, Encoding.UTF16)
        again.open()
        await again.diagnostics(1)
        fake.push(fake_faults.status(400, "no"))
        third = Buffer(other, f"file://{other_home}/c.py", "def f(x):\n    return x\n", Encoding.UTF16)
        third.open()
        await other.at_rest()

        sent = len(fake.requests)
        await prometheus.until(f"sum(kibitz_requests_total) == {sent}")
        assert (await prometheus.query("sum(kibitz_rate_limited_total)"))[0]["value"][1] == "1"
        fates = await prometheus.query("sum by (fate) (kibitz_findings_total)")
        assert {each["metric"]["fate"]: each["value"][1] for each in fates} == {"shown": "2", "fixed": "1"}
        (hits,) = await prometheus.query('sum(kibitz_cache_lookups_total{tier="disk", result="hit"})')
        assert float(hits["value"][1]) >= 1
        (cost,) = await prometheus.query("sum(kibitz_cost_usd_total)")
        assert float(cost["value"][1]) > 0

        # A rate needs two scrapes of each series.
        await prometheus.until("min(count_over_time(kibitz_requests_total[1m])) > 1")
        for title, expression in queries():
            seen = await prometheus.query(expression)
            assert seen or title == "Dropped by gate", f"{title}: {expression} gives nothing"

        assert await one.leave() == 0
        await prometheus.until("count(up == 1) == 1")
        assert len(list((state / "metrics").glob("*.json"))) == 1
        assert await other.leave() == 0
        assert list((state / "metrics").glob("*.json")) == []
