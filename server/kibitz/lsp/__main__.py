"""``python -m kibitz.lsp``: the server, without the command line around it."""

from __future__ import annotations

import sys

from kibitz.lsp.start import main

if __name__ == "__main__":
    sys.exit(main())
