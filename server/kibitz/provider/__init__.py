"""Between kibitz and an OpenAI-compatible API: client, limits, retries, errors, prices."""
