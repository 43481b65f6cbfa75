from __future__ import annotations

import ctypes
import platform
import sys
from typing import TYPE_CHECKING

import pytest

from kibitz.local import engine, runtime
from kibitz.local.errors import EngineError
from kibitz.local.models import WheelPart

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.model_source import Source

    from kibitz.local.models import Model


@pytest.fixture
def library(source: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A machine without the library, and an index that offers it."""

    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    model = source.model()
    source.add_all(model)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(runtime, "_LIBRARIES", {"x86_64": model})
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(folder))
    monkeypatch.setenv("PIP_INDEX_URL", f"{source.url}/simple")
    return model


def test_what_is_missing_is_fetched_once_and_then_given_to_the_engine(
    library: Model, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/already/there")
    assert runtime.missing()
    assert engine._environment()["LD_LIBRARY_PATH"] == "/already/there"
    path = runtime.provide()
    assert path == runtime.folder() / library.filename
    asked = len(source.requests)
    assert not runtime.missing()
    assert runtime.provide() is None
    assert len(source.requests) == asked
    assert engine._environment()["LD_LIBRARY_PATH"] == f"{runtime.folder()}:/already/there"


@pytest.mark.usefixtures("library")
async def test_without_it_the_engine_says_what_to_do(folder: Path) -> None:
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs on this loop
    weights = folder / "any.gguf"
    weights.write_bytes(b"GGUF")
    with pytest.raises(EngineError, match=r"kibitz model pull.*apt install libgomp1"):
        await engine.Engine(weights, "any").start()


@pytest.mark.usefixtures("library")
def test_a_machine_that_has_it_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: None)
    assert not runtime.missing()
    assert runtime.provide() is None
    assert runtime.fetched() is None


@pytest.mark.usefixtures("library")
def test_an_unknown_machine_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    assert runtime.missing()
    assert runtime.provide() is None


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_wheel_of_this_machine_is_the_one_that_is_asked_for(machine: str) -> None:
    (part,) = runtime._LIBRARIES[machine].wheels
    names = [
        f"pykdtree-1.4.3-cp311-cp311-manylinux2014_{m}.manylinux_2_17_{m}.manylinux_2_28_{m}.whl"
        for m in ("aarch64", "x86_64")
    ]
    assert isinstance(part, WheelPart)
    assert [name for name in names if part.tag in name] == [n for n in names if machine in n]
