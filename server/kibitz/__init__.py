"""kibitz: a quiet AI reviewer that any LSP editor can have."""

from kibitz._version import __version__

__all__ = ["__version__"]
