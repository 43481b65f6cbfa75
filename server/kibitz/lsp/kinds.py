"""The kinds of code actions that are offered. Light: the answer to ``initialize`` names them."""

from __future__ import annotations

QUICK_FIX = "quickfix"
IMPROVE = "refactor.rewrite"
EXPLAIN_SELECTION = "refactor.explain"
FIX_ALL = "source.fixAll.kibitz"
KINDS = (QUICK_FIX, IMPROVE, EXPLAIN_SELECTION, FIX_ALL)
