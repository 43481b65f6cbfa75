"""The report of a run, and of two runs side by side, in Markdown and HTML."""
