"""Where API keys come from, which of them is used now, and where each may go."""
