"""How good findings are, measured on pairs of code with a known bug and without."""
