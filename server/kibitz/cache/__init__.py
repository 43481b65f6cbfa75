"""Never pay twice: entry keys, the memory tier, and one flight per key."""
