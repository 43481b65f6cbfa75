from pathlib import Path

from kibitz import FileKeys, KeyPool, OpenAIClient, OpenAIConfig


def with_a_key_file(path: Path) -> OpenAIClient:
    config = OpenAIConfig(fallback_model="gpt-6.1-terra", requests_per_minute=500)
    return OpenAIClient(config, keys=KeyPool(FileKeys(path)))
