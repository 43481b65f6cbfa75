"""What can go wrong with the embedded model. Every message says what happened, why, and what to do."""

from __future__ import annotations


class LocalModelError(Exception):
    """The embedded model cannot be fetched, loaded or run."""


class WeightsError(LocalModelError):
    """A model's file cannot be fetched, checked, stored or found."""


class EngineError(LocalModelError):
    """The engine is not installed, or cannot load the model."""
