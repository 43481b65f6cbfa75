"""How much may be asked of a provider, when, and who is next."""
