"""The settings: what they are, where they come from, and who may set which of them.

    loaded = load(cli={"model": "gpt-6-luna"})
    loaded.settings.timeout_ms
    loaded.problems              # what was ignored, and why
    loaded.where("api_key")      # "environment variable OPENAI_API_KEY"

Importing this room costs pydantic (0.1 s of CPU): the server does it after ``initialized``.
"""

from kibitz.config.environ import environment
from kibitz.config.load import Loaded, load
from kibitz.config.owners import Source
from kibitz.config.problems import Problem, Reported
from kibitz.config.settings import Settings, setting_names
from kibitz.config.sources import default_user_file, fingerprint

__all__ = [
    "Loaded",
    "Problem",
    "Reported",
    "Settings",
    "Source",
    "default_user_file",
    "environment",
    "fingerprint",
    "load",
    "setting_names",
]
