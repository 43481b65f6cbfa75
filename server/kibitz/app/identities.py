"""Who is asked, as cache entries know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.logic import asking_version, verifying_version
from kibitz.cache.key import Identity
from kibitz.findings import prompt, rewrite, rules
from kibitz.findings.verify import VERIFY_VERSION

if TYPE_CHECKING:
    from kibitz.provider.config import OpenAIConfig


def identity(config: OpenAIConfig, endpoint_name: str = "") -> Identity:
    """What all answers of a client depend on. Reads some files when it is first asked for."""
    rewriting = config.review == "rewrite"
    return Identity(
        endpoint=endpoint_name or config.endpoint.url,
        model=config.model,
        mode=config.review,
        prompt_version=rewrite.REWRITE_VERSION if rewriting else prompt.PROMPT_VERSION,
        schema_version=prompt.SCHEMA_VERSION,
        rules_version=rules.RULES_VERSION,
        parameters=(
            ("api", config.api),
            ("max_tokens", config.max_tokens),
            ("reasoning_effort", config.effort),
            ("temperature", config.temperature),
            *([("infill", config.infill.gap)] if rewriting and config.infill else []),
        ),
        logic_version=asking_version(config.review),
    )


def verifier(config: OpenAIConfig) -> str:
    """Who checks the findings of a client, as cache entries know it; empty: nobody."""
    if config.verify == "off":
        return ""
    return f"{config.verify_model or config.model} {VERIFY_VERSION} {verifying_version()}"
