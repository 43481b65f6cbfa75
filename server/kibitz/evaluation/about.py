"""What a run was: all that its answers depend on, so that it can go on, be replayed, and be compared."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from kibitz import __version__
from kibitz.app.identities import verifier
from kibitz.evaluation.pairs import digest
from kibitz.findings.finding import Confidence, Severity
from kibitz.provider.config import OpenAIConfig
from kibitz.review.result import ReviewSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.evaluation.asking import Asker
    from kibitz.evaluation.pairs import Pair

_ASKED = (
    *("base_url", "model", "api", "review", "infill", "verify", "verify_model"),
    *("max_tokens", "max_request_tokens", "temperature"),
)
_SHOWN = ("min_severity", "min_confidence", "max_findings", "max_request_tokens", "verify")
_UNLIMITED = 1_000_000_000


class About(BaseModel):
    """See the module. Holds no key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    kibitz: str
    pairs: str
    """A hash of them."""
    embedded: bool
    whole: bool
    asked: dict[str, Any]
    """How the client was set."""
    shown: dict[str, Any]
    """What the settings let through."""
    versions: dict[str, Any]
    """Of prompts, rules, and the code that makes findings of answers."""

    @property
    def who(self) -> str:
        """Who was asked, for people."""
        model = self.asked.get("model")
        return f"{model} on this machine" if self.embedded else f"{model} at {self._host}"

    @property
    def how(self) -> str:
        """And how."""
        unit = "whole files" if self.whole else "by definition"
        checked = "not verified" if self.asked.get("verify") == "off" else "verified"
        return f"{self.asked.get('review')}, {unit}, {checked}"

    @property
    def _host(self) -> str:
        return str(self.asked.get("base_url")).partition("://")[2].partition("/")[0]

    def config(self) -> OpenAIConfig:
        """A client's configuration that asks the same, and has no key and no limits."""
        # Nothing is sent, so nobody can be kept waiting.
        return OpenAIConfig(
            **self.asked,
            api_key=SecretStr("nothing-is-sent"),
            requests_per_minute=1_000_000,
            tokens_per_minute=_UNLIMITED,
        )

    def settings(self) -> ReviewSettings:
        """What a review shows."""
        shown = dict(self.shown)
        return ReviewSettings(
            min_severity=Severity(shown.pop("min_severity")),
            min_confidence=Confidence(shown.pop("min_confidence")),
            rules_off=frozenset(shown.pop("rules_off")),
            **shown,
        )


def about(pairs: Sequence[Pair], asker: Asker, *, embedded: bool) -> About:
    """What a run of ``pairs`` by way of ``asker`` is."""
    config, settings, who = asker.client.config, asker.settings, asker.identity
    asked = {name: getattr(config, name) for name in _ASKED}
    asked["base_url"] = "http://127.0.0.1:1/v1" if embedded else config.endpoint.url
    if "reasoning_effort" in config.model_fields_set:
        asked["reasoning_effort"] = config.reasoning_effort
    shown = {name: getattr(settings, name) for name in _SHOWN}
    shown["rules_off"] = sorted(settings.rules_off)
    versions = {
        name: value
        for name, value in asdict(who).items()
        if name not in {"endpoint", "model", "mode", "parameters", "verifier"}
    }
    made = About(
        kibitz=__version__,
        pairs=digest(pairs),
        embedded=embedded,
        whole=asker.whole,
        asked=asked,
        shown=shown,
        versions={**versions, "verifier": verifier(config)},
    )
    # As it will be read again.
    return About.model_validate_json(made.model_dump_json())
