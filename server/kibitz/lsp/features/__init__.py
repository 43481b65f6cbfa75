"""One file per LSP request or notification."""
