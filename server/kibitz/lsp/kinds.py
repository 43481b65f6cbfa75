"""How the protocol names us and our code actions. Light: the answer to ``initialize`` has it."""

from __future__ import annotations

SOURCE = "kibitz"
"""Who a diagnostic is from, for all editors to show."""
QUICK_FIX = "quickfix"
IMPROVE = "refactor.rewrite"
EXPLAIN_SELECTION = "refactor.explain"
FIX_ALL = "source.fixAll.kibitz"
KINDS = (QUICK_FIX, IMPROVE, EXPLAIN_SELECTION, FIX_ALL)
