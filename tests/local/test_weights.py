from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.model_source import CONTENT

from kibitz.local import weights
from kibitz.local.progress import Phase, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.model_source import Source


def test_the_folder_is_the_named_one_or_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.model_dir({"KIBITZ_MODEL_DIR": str(tmp_path)}) == tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.model_dir({}).name == "models"
    assert "kibitz" in str(weights.model_dir({"KIBITZ_MODEL_DIR": ""}))


def test_a_pull_brings_the_model_and_the_next_one_asks_nobody(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    assert not weights.installed(model, folder)
    assert weights.pull(model, folder=folder).read_bytes() == CONTENT
    source.requests.clear()
    seen: list[Progress] = []
    assert weights.pull(model, seen.append, folder) == weights.path_of(model, folder)
    assert source.requests == []
    assert [step.phase for step in seen] == [Phase.DONE]


def test_a_file_of_another_length_is_not_installed(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    folder.mkdir()
    weights.path_of(model, folder).write_bytes(CONTENT[:-1])
    assert not weights.installed(model, folder)
    weights.pull(model, folder=folder)
    assert weights.installed(model, folder)


def test_the_listing_tells_what_is_there(folder: Path) -> None:
    model = weights.find("smollm2-135m")
    weights.partial_of(model, folder).mkdir(parents=True)
    (weights.partial_of(model, folder) / "official.part").write_bytes(b"x" * 10)
    stored = {entry.model.name: entry for entry in weights.listing(folder)}
    assert stored["smollm2-135m"].partial == 10
    assert not stored["smollm2-135m"].installed
    assert stored["qwen2.5-coder-1.5b"].partial == 0
    assert stored["qwen2.5-coder-1.5b"].path == folder / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"


def test_removing_frees_the_file_and_what_was_unfinished(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    assert weights.remove(model, folder) == 0
    weights.pull(model, folder=folder)
    weights.partial_of(model, folder).mkdir()
    (weights.partial_of(model, folder) / "joined.part").write_bytes(b"x" * 5)
    assert weights.remove(model, folder) == len(CONTENT) + 5
    assert not weights.installed(model, folder)
    assert weights.remove(model, folder) == 0


def test_what_cannot_be_removed_says_so(
    source: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = source.model()
    source.add_all(model)
    weights.pull(model, folder=folder)

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, f"Permission denied ({missing_ok=})")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", refuse)
        with pytest.raises(weights.WeightsError, match="cannot be removed: Permission denied"):
            weights.remove(model, folder)
