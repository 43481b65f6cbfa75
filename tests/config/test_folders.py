from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kibitz.config import Loaded, Settings, load, setting_names
from kibitz.config.folders import is_per_folder
from kibitz.config.owners import Tighten
from kibitz.config.settings import owned

A, B = "/work/a", "/work/b"


def read(
    lsp: object = None, *, env: dict[str, str] | None = None, toml: Path | None = None, **folders: object
) -> Loaded:
    named = {f"/work/{name}": section for name, section in folders.items()}
    return load(user_file=toml or Path("/nonexistent"), environ=env or {}, lsp=lsp, folders=named)


def test_folders_have_settings_of_their_own_over_those_for_all() -> None:
    loaded = read(
        {"debounceMs": 100, "trigger": "save", "rulesOff": ["a"]},
        a={"trigger": "change", "languages": ["python"]},
        b={"debounce_ms": 200, "rules_off": ["b"]},
    )
    assert loaded.problems == ()
    a, b = loaded.folders[A], loaded.folders[B]
    assert (a.trigger, a.debounce_ms, a.languages, a.rules_off) == ("change", 100, ("python",), ("a",))
    assert (b.trigger, b.debounce_ms, b.languages, b.rules_off) == ("save", 200, (), ("b",))
    assert (loaded.settings.trigger, loaded.settings.debounce_ms) == ("save", 100)


def test_a_folder_without_its_own_has_those_for_all() -> None:
    loaded = read({"debounceMs": 100}, a={"debounceMs": 100}, b=None)
    assert loaded.folders == {A: loaded.settings, B: loaded.settings}


def test_what_the_user_allows_bounds_every_folder() -> None:
    loaded = read(
        {"trigger": "manual"},
        env={"KIBITZ_TRIGGER": "save", "KIBITZ_LANGUAGES": "go,rust", "KIBITZ_RULES_OFF": "x"},
        a={"trigger": "change", "languages": ["python"], "maxFindings": 100, "rulesOff": ["y"]},
        b={"trigger": "save", "languages": ["rust", "python"]},
    )
    a, b = loaded.folders[A], loaded.folders[B]
    assert (a.trigger, a.languages, a.max_findings, a.rules_off) == ("save", ("go", "rust"), 10, ("x", "y"))
    assert (b.trigger, b.languages) == ("save", ("rust",))
    assert len(loaded.problems) == 3
    assert all(" for the folder /work/a) is not used: " in str(problem) for problem in loaded.problems)


def test_of_limits_that_are_shared_the_strictest_counts_for_all() -> None:
    loaded = read(
        {"requestsPerMinute": 30},
        a={"requestsPerMinute": 20, "maxConcurrency": 4},
        b={"requestsPerMinute": 25, "maxConcurrency": 2, "tokensPerMinute": 999_999},
    )
    for settings in (loaded.settings, loaded.folders[A], loaded.folders[B]):
        assert settings.requests_per_minute == 20
        assert settings.max_concurrency == 2
    (problem,) = loaded.problems
    assert str(problem) == (
        "tokens_per_minute = 999999 (the editor's setting kibitz.tokensPerMinute for the folder /work/b) "
        "is not used: the editor may only lower it, and it is 200000"
    )


def test_what_is_not_a_folders_to_set_is_refused_by_its_name() -> None:
    loaded = read(a={"diagnostics": "pull", "model": "evil", "debonce": 1, "baseUrl": "https://evil.example"})
    assert loaded.settings == Settings() == loaded.folders[A]
    said = [str(problem) for problem in loaded.problems]
    assert said[0].endswith("it is the same for all folders. Set it for the whole editor")
    assert ["the editor may not set it" in each for each in said] == [False, True, False, True]
    assert all("for the folder /work/a" in each for each in said)


def test_what_an_editor_repeats_for_each_folder_is_refused_once() -> None:
    section = {"diagnostics": "pull", "model": "evil", "debounceMs": -1, "maxFindings": 99}
    loaded = read(section, a=section, b={**section, "trigger": "save"})
    assert len(loaded.problems) == 3
    assert not any("folder" in str(problem) for problem in loaded.problems)
    assert loaded.settings.diagnostics == loaded.folders[B].diagnostics == "pull"
    assert loaded.folders[B].trigger == "save"


def test_a_section_that_is_none_loses_only_itself() -> None:
    loaded = read({"debounceMs": 5}, a=7, b={"debounceMs": 6})
    assert (loaded.folders[A].debounce_ms, loaded.folders[B].debounce_ms) == (5, 6)
    (problem,) = loaded.problems
    assert str(problem) == (
        "the editor's section \u201ckibitz\u201d for the folder /work/a is not used: "
        "the section should be an object, not 7"
    )


def test_thousands_of_unknown_names_are_bounded() -> None:
    loaded = read(
        a={f"x{number}": 1 for number in range(5000)}, b={f"y{number}": 1 for number in range(5000)}
    )
    assert len(loaded.problems) == 21


def test_what_folders_may_have_is_nothing_that_costs_or_sends() -> None:
    assert {name for name in setting_names() if is_per_folder(name)} == {
        *("enabled", "trigger", "debounce_ms", "debounce_max_ms", "max_delay_ms", "max_file_bytes"),
        *("min_severity", "min_confidence", "rules_off", "max_findings", "early", "dismissals"),
        *("languages", "include", "exclude"),
    }
    assert not is_per_folder("none")


SECTIONS = st.dictionaries(
    st.sampled_from([*setting_names(), "debounceMs", "none"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-1, 300_000),
        st.text(max_size=5),
        st.lists(st.text(max_size=5), max_size=2),
        st.sampled_from(["save", "error", "pull"]),
    ),
    max_size=8,
)


@given(SECTIONS, st.lists(SECTIONS, max_size=3))
def test_no_folder_gets_more_than_the_user_allows(common: object, sections: list[object]) -> None:
    folders = {f"/{number}": section for number, section in enumerate(sections)}
    loaded = load(user_file=Path("/nonexistent"), environ={}, lsp=common, folders=folders)
    for settings in (loaded.settings, *loaded.folders.values()):
        assert Settings.model_validate(settings.model_dump(exclude_unset=True)) == settings
        for name in setting_names():
            value, default = getattr(settings, name), getattr(Settings(), name)
            if not is_per_folder(name):
                assert value == getattr(loaded.settings, name)
            if owned(name).lsp is Tighten.LOWER:
                assert default is None or (value is not None and value <= default)
    assert list(loaded.folders) == list(folders)
