"""What the user says a model costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Dollars = Annotated[Decimal, Field(ge=0, le=100_000, allow_inf_nan=False, max_digits=12)]


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    input: _Dollars
    output: _Dollars
    cached: _Dollars | None = None
    """Input that the provider read from its prompt cache; None: as other input."""
