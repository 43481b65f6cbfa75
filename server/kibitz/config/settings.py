"""The settings themselves: one typed, frozen model. Every field says its unit, its bounds and its owners."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from kibitz.config.checks import check_base_url, check_key, check_ports, check_redis_url, check_team_secret
from kibitz.config.owners import EVERYONE, SECRET, USER, Owned, Source, Tighten
from kibitz.config.prices import Price  # noqa: TC001 - as above

_LIMIT = Owned(EVERYONE, lsp=Tighten.LOWER)
_HERE = Owned(EVERYONE, folder=True)
_LIST = Owned(EVERYONE, lsp=Tighten.ADD, folder=True)
_CHOICE = Owned(EVERYONE, lsp=Tighten.ONLY, folder=True)


def _check_key(key: SecretStr) -> SecretStr:
    check_key(key.get_secret_value())
    return key


def _check_redis_url(url: SecretStr) -> SecretStr:
    check_redis_url(url.get_secret_value())
    return url


def _check_team_secret(secret: SecretStr) -> SecretStr:
    check_team_secret(secret.get_secret_value())
    return secret


def _expand(path: Path) -> Path:
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise ValueError("the home folder is not known, so ~ cannot be used") from error
    if not path.is_absolute():
        raise ValueError("it should be an absolute path (or begin with ~)")
    return path


def _off_is_none(value: object) -> object:
    # TOML and the environment have no null.
    return None if value == "off" else value


_Name = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
_RuleCode = Annotated[str, Field(pattern=r"^(project/)?[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_Glob = Annotated[str, Field(min_length=1, max_length=400)]


class Settings(BaseModel):
    """All settings with their defaults. Build it with ``load``; tests may build it directly."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: Annotated[
        Literal["auto", "openai", "local"],
        Field(
            description="Who reviews: `openai` is an OpenAI-compatible API, `local` the embedded model. "
            "`auto` takes the API when a key or a base URL is set, else the embedded model when it is "
            "installed."
        ),
        Owned(USER),
    ] = "auto"
    api_key: Annotated[
        Annotated[SecretStr, AfterValidator(_check_key)] | None,
        Field(
            description="The API key. `OPENAI_API_KEY` works too; `KIBITZ_API_KEY` wins. In the user file "
            "only if nobody else can read the file (mode 600)."
        ),
        Owned(SECRET),
    ] = None
    api_keys: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_check_key)], ...],
        Field(
            max_length=100,
            description="More keys: when one is refused, used up or held back by its limits, the next is "
            "used. In the user file only if nobody else can read the file (mode 600).",
        ),
        Owned(SECRET),
    ] = ()
    api_key_file: Annotated[
        Annotated[Path, AfterValidator(_expand)] | None,
        Field(
            description="A file that holds the key, or one key per line; readable by you alone (mode 600). "
            "When it is replaced, the new key is used within a second, without a restart."
        ),
        Owned(USER),
    ] = None
    api_key_command: Annotated[
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...], Field(max_length=64)],
        Field(
            description="A program that prints the key, with its arguments; by its absolute path, without a "
            'shell: `["/usr/bin/op", "read", "op://vault/openai/key"]`. Asked again every five minutes, and '
            "when a key is refused."
        ),
        Owned(frozenset({Source.FILE})),
    ] = ()
    api_key_keyring: Annotated[
        _Name | None,
        Field(
            description="The service under which the operating system's keyring holds the key (user name "
            "`kibitz`). Needs the extra `keyring`."
        ),
        Owned(USER),
    ] = None
    base_url: Annotated[
        Annotated[str, AfterValidator(check_base_url)] | None,
        Field(
            description="The API's address, such as `http://127.0.0.1:11434/v1`; unset means OpenAI's own. "
            "`OPENAI_BASE_URL` works too; `KIBITZ_BASE_URL` wins. Plain http only to this machine."
        ),
        Owned(USER),
    ] = None
    model: Annotated[_Name, Field(description="The model's name at the API."), Owned(USER)] = "gpt-6-luna"
    fallback_model: Annotated[
        _Name | None,
        Field(
            description="The model that is asked while `model` is missing, refused, overloaded or without "
            "credit. Unset means none."
        ),
        Owned(USER),
    ] = None
    fallback_base_url: Annotated[
        Annotated[str, AfterValidator(check_base_url)] | None,
        Field(
            description="Another API, asked when the first cannot answer; for `fallback_model`, or `model` "
            "if that is unset. Plain http only to this machine."
        ),
        Owned(USER),
    ] = None
    fallback_api_key: Annotated[
        Annotated[SecretStr, AfterValidator(_check_key)] | None,
        Field(
            description="The key for `fallback_base_url`; no other key is ever sent there. In the user file "
            "only if nobody else can read the file (mode 600)."
        ),
        Owned(SECRET),
    ] = None
    trust_env: Annotated[
        bool,
        Field(
            description="Whether the way to the API follows the environment: the proxy that `HTTPS_PROXY` "
            "and `NO_PROXY` name, and the certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR` in place of the "
            "system's. In the user file only, as an environment may come with a repository."
        ),
        Owned(frozenset({Source.FILE})),
    ] = False
    api: Annotated[
        Literal["auto", "responses", "chat"],
        Field(
            description="Which API to speak: `auto` is Responses with OpenAI itself and Azure, Chat "
            "Completions with all others."
        ),
        Owned(USER),
    ] = "auto"
    max_tokens: Annotated[
        int,
        Field(ge=64, le=131_072, description="The longest answer of one request, reasoning included."),
        Owned(USER, unit="tokens"),
    ] = 4096
    temperature: Annotated[
        Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None,
        Field(description="Sampling temperature. Sent only when set: many models refuse it."),
        Owned(USER),
    ] = None
    reasoning_effort: Annotated[
        Annotated[Literal["none", "minimal", "low", "medium", "high"] | None, BeforeValidator(_off_is_none)],
        Field(
            description="How long a reasoning model may think. The default goes to OpenAI's own API only; a "
            "value that you set goes to any. `off` sends none."
        ),
        Owned(USER),
    ] = "low"
    timeout_ms: Annotated[
        int,
        Field(
            ge=50,
            le=3_600_000,
            description="The longest time for one call, all its retries included. Unless "
            "you set it, the embedded model has ten minutes.",
        ),
        Owned(USER, unit="ms"),
    ] = 60_000
    max_retries: Annotated[
        int, Field(ge=0, le=10, description="How often a failed request is tried again."), Owned(USER)
    ] = 2
    initial_backoff_ms: Annotated[
        int,
        Field(
            ge=1, le=600_000, description="The wait before the first retry; it doubles from one to the next."
        ),
        Owned(USER, unit="ms"),
    ] = 500
    max_backoff_ms: Annotated[
        int, Field(ge=1, le=600_000, description="The longest wait before a retry."), Owned(USER, unit="ms")
    ] = 20_000
    requests_per_minute: Annotated[
        int, Field(ge=1, le=100_000, description="Requests that may begin within a minute."), _LIMIT
    ] = 60
    tokens_per_minute: Annotated[
        int,
        Field(ge=1_000, le=100_000_000, description="Tokens, sent and received, that a minute may use."),
        Owned(EVERYONE, unit="tokens", lsp=Tighten.LOWER),
    ] = 200_000
    max_concurrency: Annotated[
        int, Field(ge=1, le=64, description="Requests under way at the same time."), _LIMIT
    ] = 4
    share_limits: Annotated[
        Literal["off", "machine"],
        Field(
            description="Whether all kibitz processes of yours on this machine keep to the limits together, "
            "or (`off`) each for itself. With `redis_url`, everybody who uses that server does."
        ),
        Owned(USER),
    ] = "machine"
    redis_url: Annotated[
        Annotated[SecretStr, AfterValidator(_check_redis_url)] | None,
        Field(
            description="A Redis or Valkey server through which a team shares its limits and its answers: "
            "`redis://host:6379/0`, or `rediss://` with TLS. Needs the extra `shared`. In the user file only "
            "if nobody else can read the file (mode 600)."
        ),
        Owned(SECRET),
    ] = None
    shared_cache: Annotated[
        bool,
        Field(
            description="Whether answers are shared through `redis_url`. What is shared are findings and the "
            "new lines of their fixes, under hashes; of your code nothing else. To another machine only "
            "with TLS (`rediss://`) or `shared_cache_secret`."
        ),
        Owned(USER),
    ] = True
    shared_cache_secret: Annotated[
        Annotated[SecretStr, AfterValidator(_check_team_secret)] | None,
        Field(
            description="A secret of the team, 16 characters or more, by which shared answers are encrypted: "
            "who has the server but not the secret can neither read nor write them. In the user file only "
            "if nobody else can read the file (mode 600)."
        ),
        Owned(SECRET),
    ] = None
    budget_usd_per_hour: Annotated[
        Annotated[Decimal, Field(ge=0, le=100_000)] | None,
        BeforeValidator(_off_is_none),
        Field(description="The most that an hour may cost, over all windows and checks; `off` means no cap."),
        Owned(EVERYONE, unit="US dollars", lsp=Tighten.LOWER),
    ] = None
    budget_usd_per_day: Annotated[
        Annotated[Decimal, Field(ge=0, le=100_000)] | None,
        BeforeValidator(_off_is_none),
        Field(
            description="The most that a day may cost, likewise. Before a request is sent, the most that it "
            "can cost is set aside; when that is not left, nothing is sent until midnight, or until you say "
            "so (`kibitz.raiseBudget`). Requests whose price is not known do not count here."
        ),
        Owned(EVERYONE, unit="US dollars", lsp=Tighten.LOWER),
    ] = Decimal(10)
    budget_requests_per_hour: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000)] | None,
        BeforeValidator(_off_is_none),
        Field(description="The most requests in an hour; `off` means no cap."),
        _LIMIT,
    ] = None
    budget_requests_per_day: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000)] | None,
        BeforeValidator(_off_is_none),
        Field(description="The most requests in a day; `off` means no cap."),
        _LIMIT,
    ] = None
    budget_tokens_per_hour: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000_000)] | None,
        BeforeValidator(_off_is_none),
        Field(description="The most tokens, sent and received, in an hour; `off` means no cap."),
        Owned(EVERYONE, unit="tokens", lsp=Tighten.LOWER),
    ] = None
    budget_tokens_per_day: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000_000)] | None,
        BeforeValidator(_off_is_none),
        Field(description="The most tokens, sent and received, in a day; `off` means no cap."),
        Owned(EVERYONE, unit="tokens", lsp=Tighten.LOWER),
    ] = None
    ignore_budget: Annotated[
        bool,
        Field(description="Whether to send although a budget is used up. It is written down all the same."),
        Owned(USER),
    ] = False
    unusual_usage: Annotated[
        Literal["off", "tell", "pause"],
        Field(
            description="What is done about use that is not like yours: nothing (`off`), saying so (`tell`), "
            "or in the end sending nothing that you did not ask for until you say that it is yours "
            "(`pause`). See the cost guide."
        ),
        Owned(USER),
    ] = "pause"
    prices: Annotated[
        dict[_Name, Price],
        Field(
            max_length=100,
            description="What models cost, in US dollars per million tokens, where the price list does not "
            'know it or you pay another price: `[prices."my-model"]` with `input`, `output`, and `cached` '
            "for input from the provider's prompt cache. Servers on this machine count as free unless you "
            "say otherwise here.",
        ),
        Owned(frozenset({Source.FILE})),
    ] = {}
    max_request_tokens: Annotated[
        int,
        Field(
            ge=256,
            le=200_000,
            description="Estimated input of one request; units are packed together up to it.",
        ),
        Owned(EVERYONE, unit="tokens", lsp=Tighten.LOWER),
    ] = 6000
    review: Annotated[
        Literal["auto", "list", "rewrite"],
        Field(
            description="How the model is asked: to `list` findings, or to `rewrite` the code so that the "
            "difference is the finding (better for small models). `auto` takes `rewrite` for the "
            "embedded model only."
        ),
        Owned(USER),
    ] = "auto"
    verify: Annotated[
        Literal["off", "on", "on-demand"],
        Field(
            description="Whether a second question checks each finding before it is shown, which costs more "
            "and drops false ones: `on` always, `on-demand` only for what you ask for (`kibitz check`, "
            "*analyze document*)."
        ),
        Owned(USER),
    ] = "off"
    verify_model: Annotated[
        _Name | None,
        Field(description="The model that verifies; unset means `model`."),
        Owned(USER),
    ] = None
    early: Annotated[
        bool,
        Field(
            description="Whether a finding is shown as soon as it is complete, while the rest of the answer "
            "is still on its way. Not in reviews that verify, nor where `review` is `rewrite`."
        ),
        _HERE,
    ] = False
    enabled: Annotated[
        bool,
        Field(description="Whether anything is reviewed in the editor."),
        Owned(EVERYONE, lsp=Tighten.OFF, folder=True),
    ] = True
    trigger: Annotated[
        Literal["change", "save", "manual"],
        Field(
            description="What begins a review in the editor: a pause in the typing (`change`), only saving "
            "(`save`), or only your asking for it (`manual`). What is known already is always shown."
        ),
        Owned(EVERYONE, lsp=Tighten.STRICTER, folder=True),
    ] = "change"
    debounce_ms: Annotated[
        int,
        Field(
            ge=0,
            le=60_000,
            description="The shortest pause in the typing after which a review begins. The pause adapts to "
            "how fast you type and how fast the provider answers.",
        ),
        Owned(EVERYONE, unit="ms", folder=True),
    ] = 500
    debounce_max_ms: Annotated[
        int,
        Field(
            ge=0,
            le=60_000,
            description="The longest pause that is waited for; no more than `debounce_ms` means that it "
            "is always the same.",
        ),
        Owned(EVERYONE, unit="ms", folder=True),
    ] = 3000
    diagnostics: Annotated[
        Literal["push", "pull"],
        Field(
            description="How the editor gets findings: kibitz sends them (`push`), or the editor asks for "
            "them (`pull`), if it can be told to ask again; else they are sent all the same."
        ),
        Owned(EVERYONE),
    ] = "push"
    max_delay_ms: Annotated[
        int,
        Field(ge=0, le=600_000, description="The longest that typing without a pause can put off a review."),
        Owned(EVERYONE, unit="ms", folder=True),
    ] = 5000
    min_confidence: Annotated[
        Literal["certain", "likely", "unsure"],
        Field(description="The least sure finding that is shown."),
        _HERE,
    ] = "likely"
    min_severity: Annotated[
        Literal["error", "warning", "info"],
        Field(description="The least severe finding that is shown."),
        _HERE,
    ] = "info"
    max_findings: Annotated[
        int,
        Field(ge=1, le=1000, description="Findings shown per file, the worst and surest first."),
        Owned(EVERYONE, lsp=Tighten.LOWER, folder=True),
    ] = 10
    rules_off: Annotated[
        tuple[_RuleCode, ...],
        Field(max_length=1000, description="Codes of rules that are not reported (see `kibitz rules`)."),
        _LIST,
    ] = ()
    dismissals: Annotated[
        Literal["user", "team"],
        Field(
            description="Where new dismissals go: to a file of your own (`user`), or to the project's "
            "`.kibitz/dismissals.jsonl`, for all who work on it (`team`). Both are always followed."
        ),
        _HERE,
    ] = "user"
    languages: Annotated[
        tuple[_Name, ...],
        Field(
            max_length=100,
            description="The languages that are reviewed in the editor, by their LSP ids, such as `python`; "
            "empty means all that kibitz knows.",
        ),
        _CHOICE,
    ] = ()
    include: Annotated[
        tuple[_Glob, ...],
        Field(
            max_length=1000,
            description="If there are any, only files that match one of these are reviewed; patterns as in "
            "`.gitignore`. They bring back nothing that an ignore file or `exclude` leaves out.",
        ),
        _CHOICE,
    ] = ()
    exclude: Annotated[
        tuple[_Glob, ...],
        Field(
            max_length=1000,
            description="Files that are neither reviewed nor sent; patterns as in `.gitignore`.",
        ),
        _LIST,
    ] = ()
    max_file_bytes: Annotated[
        int,
        Field(ge=1, le=16_777_216, description="Larger files are not reviewed."),
        Owned(EVERYONE, unit="bytes", lsp=Tighten.LOWER, folder=True),
    ] = 262_144
    cache_ttl_s: Annotated[
        int,
        Field(ge=0, le=31_536_000, description="How long an answer is as good as new; 0 keeps none."),
        Owned(USER, unit="s"),
    ] = 604_800
    cache_stale_s: Annotated[
        int,
        Field(
            ge=0,
            le=31_536_000,
            description="How long after that an answer is still shown, while it is asked for again when "
            "nothing else is to be done.",
        ),
        Owned(USER, unit="s"),
    ] = 604_800
    cache_max_bytes: Annotated[
        int,
        Field(ge=0, le=1_073_741_824, description="Memory for kept answers; 0 keeps none."),
        Owned(USER, unit="bytes"),
    ] = 16_777_216
    disk_cache: Annotated[
        bool,
        Field(
            description="Whether answers are also kept on disk, in a folder that only you can read, so that "
            "a restart costs nothing. What is kept are findings and the new lines of their fixes; of your "
            "code only hashes."
        ),
        Owned(USER),
    ] = True
    disk_cache_max_bytes: Annotated[
        int,
        Field(
            ge=65_536,
            le=1_099_511_627_776,
            description="The most that kept answers take on disk; the least recently used go first.",
        ),
        Owned(USER, unit="bytes"),
    ] = 268_435_456
    warm: Annotated[
        Literal["off", "restore", "recent"],
        Field(
            description="What the editor's server does ahead of time about files that changed lately and are "
            "not open: `restore` brings what is known of them from the disk and the team's server, which "
            "costs nothing and sends nothing to the provider; `recent` asks for the rest, too, when nothing "
            "else is to be done."
        ),
        Owned(USER),
    ] = "restore"
    warm_max_tokens: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000_000,
            description="The most that `warm = recent` sends in a day, over all windows.",
        ),
        Owned(EVERYONE, unit="tokens", lsp=Tighten.LOWER),
    ] = 50_000
    local_model: Annotated[
        _Name, Field(description="The embedded model (see `kibitz model list`)."), Owned(USER)
    ] = "qwen2.5-coder-1.5b"
    local_threads: Annotated[
        Annotated[int, Field(ge=1, le=512)] | None,
        Field(description="Threads of the embedded model; unset means one for each core."),
        Owned(USER),
    ] = None
    local_context: Annotated[
        int,
        Field(ge=1024, le=131_072, description="Context of the embedded model."),
        Owned(USER, unit="tokens"),
    ] = 8192
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The least important thing that is logged. Logs never hold source code or keys."),
        Owned(USER),
    ] = "warning"
    log_file: Annotated[
        Annotated[Path, AfterValidator(_expand)] | None,
        Field(description="Where logs go; unset means standard error."),
        Owned(USER),
    ] = None

    access_log: Annotated[
        bool,
        Field(
            description="Whether a line is kept for each request to a provider: when, where to, for "
            "what, how large, how long, how many tokens, what it cost, what came of it. No source code, no "
            "path and no key is in it. It is the file `access.jsonl` in the folder that `kibitz doctor` "
            "names, readable by you alone, and takes 20 MB at most."
        ),
        Owned(USER),
    ] = True
    prometheus_ports: Annotated[
        Annotated[str, AfterValidator(check_ports)] | None,
        BeforeValidator(_off_is_none),
        Field(
            description="Where Prometheus can read the metrics of each language server, on this machine's "
            "loopback interface only: `any` takes a free port, `9464-9473` the first free one of a range. "
            "Needs the extra `prometheus`. See [monitoring](monitoring.md)."
        ),
        Owned(USER),
    ] = None
    opentelemetry: Annotated[
        bool,
        Field(
            description="Whether metrics are passed on to OpenTelemetry, as far as the server's process is "
            "set up for that. Needs the extra `otel`. See [monitoring](monitoring.md)."
        ),
        Owned(USER),
    ] = False


_SECRETS = frozenset({"api_key", "api_keys", "fallback_api_key", "redis_url", "shared_cache_secret"})


def setting_names() -> tuple[str, ...]:
    """The names of all settings, in the order of the documentation."""
    return tuple(Settings.model_fields)


def owned(name: str) -> Owned:
    """The owners of the setting ``name``; KeyError if there is no such setting."""
    return next(item for item in Settings.model_fields[name].metadata if isinstance(item, Owned))


def is_secret(name: str) -> bool:
    """Whether the setting's value must never be shown."""
    return name in _SECRETS


def choices(name: str) -> tuple[str, ...]:
    """The words that the setting takes, or none if it takes other values."""
    return tuple(word for variant in variants(name) for word in variant.get("enum", ()))


def variants(name: str) -> tuple[dict[str, Any], ...]:
    """The JSON schema of the setting, then that of each kind of value it takes if there are several."""
    schema = _schema()[name]
    return (schema, *schema.get("anyOf", ()))


@cache
def _schema() -> dict[str, Any]:
    properties: dict[str, Any] = Settings.model_json_schema()["properties"]
    return properties
