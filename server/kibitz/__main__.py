"""``python -m kibitz``: the same as the command ``kibitz``."""

from kibitz.cli import main

main()
