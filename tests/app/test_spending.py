from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import canary

from kibitz.app.spending import LONGEST_NAME, Spending, caps_of
from kibitz.config import Settings
from kibitz.guard.invisible import strip_invisible
from kibitz.provider import pricing
from kibitz.provider.endpoint import Endpoint
from kibitz.provider.usage import Usage
from kibitz.state.database import Database
from kibitz.telemetry.anomaly import Stage
from kibitz.telemetry.budget import Budget
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.ledger_table import PICO


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def spending(tmp_path: Path, **settings: object) -> Spending:
    database = Database(tmp_path / "state.db")
    return Spending(Settings.model_validate(settings), Ledger(database), database)


def test_the_caps_that_are_set() -> None:
    assert list(caps_of(Settings())) == [Cap("usd", "day", 10 * PICO)]
    everything = Settings.model_validate(
        {
            "budget_usd_per_hour": "0.5",
            "budget_usd_per_day": "off",
            "budget_requests_per_hour": 100,
            "budget_tokens_per_day": 5000,
        }
    )
    assert list(caps_of(everything)) == [
        Cap("usd", "hour", PICO // 2),
        Cap("requests", "hour", 100),
        Cap("tokens", "day", 5000),
    ]


def test_each_folder_has_a_code_of_its_own_that_tells_nothing(tmp_path: Path) -> None:
    found = spending(tmp_path)
    outer, inner, other = tmp_path / "a", tmp_path / "a" / "b", tmp_path / "ab"
    found.use_folders([outer, inner, other])
    codes = [found.workspace_of(str(folder / "x.py")) for folder in (outer, inner, other)]
    assert len(set(codes)) == 3, "the innermost counts, and a name that begins alike is another one"
    assert all(len(code) == 16 for code in codes)
    assert not any(str(tmp_path.name) in code for code in codes)
    assert found.workspace_of("/elsewhere/x.py") == ""
    assert found.workspace_of(None) == "", "which of them it is, is not known"
    again = spending(tmp_path)
    again.use_folders([inner])
    assert again.workspace_of(None) == codes[1], "there is only one, and it is called the same"
    assert again.workspace_of("x.py") == codes[1]


def test_a_document_is_called_as_it_is_within_its_folder(tmp_path: Path) -> None:
    found = spending(tmp_path)
    outer, inner = tmp_path / "a", tmp_path / "a" / "b"
    found.use_folders([outer, inner])
    assert found.name_of(str(outer / "src" / "x.py")) == "src/x.py"
    assert found.name_of(str(inner / "x.py")) == "x.py", "the innermost counts"
    for nameless in (None, "", "x.py", "/elsewhere/x.py", str(tmp_path / "ab" / "x.py"), str(outer)):
        assert found.name_of(nameless) == ""
    found.use_folders([outer])
    assert found.name_of("./src/../x.py") == "x.py"
    for above in ("../x.py", f"{outer}/../x.py", f"{outer}/src/../../x.py"):
        assert found.name_of(above) == "", "nothing outside of the folder has a name"


@given(st.text(st.characters(exclude_characters="\0"), max_size=300))
def test_whatever_a_file_is_called_its_name_can_be_written_down(text: str) -> None:
    found = Spending(Settings(), Ledger(), Database(Path("state.db")))
    found.use_folders([Path("/home/somebody/project")])
    name = found.name_of(f"/home/somebody/project/{text}")
    assert len(name) <= LONGEST_NAME
    assert name == strip_invisible(name)
    assert name.encode("utf-8").decode() == name
    assert "somebody" not in name
    assert name.split("/")[0] not in {".", ".."}


def test_a_key_in_the_name_of_a_file_is_not_written_down(tmp_path: Path) -> None:
    found = spending(tmp_path)
    found.look()
    assert canary.KEY not in found.name_of(f"{canary.KEY}.py")


def test_a_command_works_where_it_runs(tmp_path: Path) -> None:
    found = spending(tmp_path)
    found.look()
    assert found.workspace_of(str(tmp_path / "x.py"))


def test_prices_of_ones_own_are_taken(tmp_path: Path) -> None:
    spending(tmp_path, prices={"m": {"input": 2, "output": 4}})
    local = Endpoint("http://127.0.0.1:1/v1")
    assert pricing.cost("m", Usage(1, 1_000_000, 500_000, output_tokens=1_000_000), local) == Decimal(6)
    spending(tmp_path)
    assert pricing.cost("m", Usage(1, 1), local) == 0


async def test_going_on_raises_the_budget_or_confirms_what_is_unusual(tmp_path: Path) -> None:
    found = spending(tmp_path, budget_requests_per_day=1)
    assert await found.lines() == [
        "today's budget of $10.00: $0.00 spent",
        "today's budget of 1 requests: 0 requests spent",
    ]
    found.vigil.stage, found.vigil.why = Stage.PAUSE, "much"
    assert "is yours" in await found.go_on()
    assert found.vigil.stage is Stage.NONE
    assert "may be spent today" in await found.go_on()
    assert (await found.lines())[1] == "today's budget of 2 requests: 0 requests spent"
    ignoring = spending(tmp_path, ignore_budget=True)
    assert await ignoring.lines() == []
    assert "there is no budget" in await ignoring.go_on()
    await found.aclose()


def test_of_a_price_that_is_not_known_it_is_told_once() -> None:
    told: list[str] = []
    budget = Budget(Ledger(), None, [Cap("usd", "day", PICO)])
    budget.on_unpriced = told.append
    for _ in range(2):
        budget.unpriced("odd")
    (message,) = told
    assert message.startswith("the price of odd is not known")
    counting = Budget(Ledger(), None, [Cap("requests", "day", 1)])
    counting.on_unpriced = told.append
    counting.unpriced("odd")
    assert len(told) == 1
