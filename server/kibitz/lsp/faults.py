"""Our own mistakes, described for the log without a word of what they were made on."""

from __future__ import annotations

from kibitz.telemetry.last_words import describe

__all__ = ["EARLY_LOG", "describe"]

EARLY_LOG = "kibitz-early"
"""The name of the log handler that counts until the settings say where logs go."""
