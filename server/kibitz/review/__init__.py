"""Code in, findings out: units, their context, and the reviewer that looks up, asks and assembles."""
