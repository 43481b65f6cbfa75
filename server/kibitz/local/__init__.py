"""The embedded model: its weights and its engine."""
