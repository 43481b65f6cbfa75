"""What credentials look like, provider by provider, as they document it; and what only looks so.

No credential stands here: each is made up when it is wanted, always the same, from a description of its form.
In a form ``{A36}`` is 36 characters of an alphabet: ``A`` letters and digits, ``W`` these and ``_-``, ``H``
hexadecimal, ``U`` capitals and digits, ``B`` base 64, ``L`` small letters and digits, ``D`` digits.
"""

from __future__ import annotations

import random
import re
import string

_ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "W": string.ascii_letters + string.digits + "_-",
    "H": "0123456789abcdef",
    "U": string.ascii_uppercase + "234567",
    "B": string.ascii_letters + string.digits + "+/",
    "L": string.ascii_lowercase + string.digits,
    "D": string.digits,
}
_UUID = "{H8}-{H4}-4{H3}-a{H3}-{H12}"

FORMATS: dict[str, tuple[str, ...]] = {
    "1password": ("ops_eyJ{A260}",),
    "adafruit": ("aio_{A28}",),
    "age": ("AGE-SECRET-KEY-1{U58}",),
    "airtable": ("pat{A14}.{H64}",),
    "alibaba": ("LTAI{A20}",),
    "anthropic": ("sk-ant-api03-{W93}AA", "sk-ant-admin01-{W93}AA"),
    "apify": ("apify_api_{A36}",),
    "artifactory": ("AKCp{A69}",),
    "atlassian": ("ATATT3xFfGF0{W180}={H8}",),
    "aws": ("AKIA{U16}", "ASIA{U16}"),
    "azure": ("{A3}8Q~{W34}",),
    "bitbucket": ("ATBB{A32}",),
    "braintree": ("access_token$production${L16}${H32}",),
    "brevo": ("xkeysib-{H64}-{A16}",),
    "buildkite": ("bkua_{H40}",),
    "circleci": ("CCIPAT_{A22}_{H40}",),
    "clojars": ("CLOJARS_{L60}",),
    "contentful": ("CFPAT-{W43}",),
    "crates": ("cio{A32}",),
    "databricks": ("dapi{H32}",),
    "deepseek": ("sk-{H32}",),
    "digitalocean": ("dop_v1_{H64}", "doo_v1_{H64}"),
    "discord": ("MTA{A21}.G{A5}.{W38}",),
    "docker": ("dckr_pat_{W27}",),
    "doppler": ("dp.pt.{A43}",),
    "dropbox": ("sl.{W138}",),
    "duffel": ("duffel_live_{W43}",),
    "dynatrace": ("dt0c01.{U24}.{U64}",),
    "easypost": ("EZAK{A54}",),
    "figma": ("figd_{W40}",),
    "flutterwave": ("FLWSECK-{H32}-X",),
    "fly": ("fo1_{W43}", "fm2_{B120}"),
    "frameio": ("fio-u-{W64}",),
    "github": ("ghp_{A36}", "gho_{A36}", "ghs_{A36}", "github_pat_{A22}_{A59}"),
    "gitlab": ("glpat-{W20}", "glrt-{W20}", "gldt-{W20}"),
    "google": ("AIza{W35}", "GOCSPX-{W28}", "ya29.{W120}"),
    "grafana": ("glsa_{A32}_{H8}", "glc_{B80}"),
    "groq": ("gsk_{A52}",),
    "harness": ("pat.{W22}.{H24}.{A20}",),
    "heroku": ("HRKU-AA{W58}",),
    "huggingface": ("hf_{A34}",),
    "infracost": ("ico-{A32}",),
    "langsmith": ("lsv2_pt_{H32}_{H10}",),
    "linear": ("lin_api_{A40}",),
    "mailchimp": ("{H32}-us12",),
    "mailgun": ("key-{H32}",),
    "maxmind": ("{A6}_{A29}_mmk",),
    "neon": ("napi_{L64}",),
    "netlify": ("nfp_{A36}",),
    "newrelic": ("NRAK-{U27}",),
    "notion": ("ntn_{A46}", "secret_{A43}"),
    "npm": ("npm_{A36}",),
    "nuget": ("oy2{L43}",),
    "nvidia": ("nvapi-{W64}",),
    "octopus": ("API-{U26}",),
    "openai": ("sk-{A20}T3BlbkFJ{A20}", "sk-proj-{W74}T3BlbkFJ{W74}", "sk-svcacct-{W74}T3BlbkFJ{W74}"),
    "openrouter": ("sk-or-v1-{H64}",),
    "openshift": ("sha256~{W43}",),
    "perplexity": ("pplx-{A48}",),
    "pinecone": ("pcsk_{A6}_{A63}",),
    "plaid": (f"access-production-{_UUID}",),
    "planetscale": ("pscale_tkn_{W43}", "pscale_pw_{W43}"),
    "posthog": ("phx_{A43}",),
    "postman": ("PMAK-{H24}-{H34}",),
    "prefect": ("pnu_{A36}",),
    "pulumi": ("pul-{H40}",),
    "pypi": ("pypi-AgEIcHlwaS5vcmc{W160}",),
    "readme": ("rdme_{L70}",),
    "replicate": ("r8_{A37}",),
    "resend": ("re_{A8}_{A24}",),
    "rubygems": ("rubygems_{H48}",),
    "scalingo": ("tk-us-{W48}",),
    "sendgrid": ("SG.{W22}.{W43}",),
    "sentry": ("sntrys_{B160}", "sntryu_{H64}"),
    "shippo": ("shippo_live_{H40}",),
    "shopify": ("shpat_{H32}", "shpss_{H32}"),
    "slack": ("xoxb-{D12}-{D12}-{A24}", "xoxp-{D12}-{D12}-{D12}-{H32}", "xapp-1-A{U10}-{D13}-{H64}"),
    "sonarqube": ("squ_{H40}",),
    "sourcegraph": ("sgp_{H40}",),
    "square": ("sq0atp-{W22}", "EAAAE{W59}"),
    "stripe": ("sk_live_{A24}", "rk_live_{A24}", "whsec_{A32}"),
    "supabase": ("sbp_{H40}", "sb_secret_{W31}"),
    "tailscale": ("tskey-auth-{A12}CNTRL-{A32}",),
    "telegram": ("{D10}:AA{W33}",),
    "tencent": ("AKID{A32}",),
    "terraform": ("{A14}.atlasv1.{W67}",),
    "twilio": ("SK{H32}",),
    "typeform": ("tfp_{A44}_{A14}",),
    "vault": ("hvs.{W90}",),
    "xai": ("xai-{A80}",),
    "yandex": ("AQVN{W35}",),
}
"""Real forms by provider."""

FRAMES = ('x = "{}"\n', "  value: {}\n", "curl -H 'X-Auth: {}' host\n", "// was {} before\n", "f('{}', 1);\n")
"""Where a credential may stand with nothing around that names it."""

NAMED = (
    'DATADOG_API_KEY = "{H32}"',
    'aws_secret_access_key = "{B40}"',
    'COHERE_API_KEY: "{A40}"',
    "export MISTRAL_API_KEY={A32}",
    'cloudflare_api_token = "{W40}"',
    '"fastly_token": "{W32}"',
    'const mapboxToken = "sk.eyJ{W70}.{W22}";',
    "okta.token=00{W40}",
    '<add key="apiKey" value="{A40}" />',
    'headers = {"Authorization": "Bearer {W60}"}',
    "Authorization: Basic {B40}==",
    'url = "postgres://app:{A16}@db.internal/x"',
    'redis = "redis://:{A24}@cache:6379/0"',
    "git remote add o https://x:{A40}@git.internal/r.git",
    'conn = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={B86}=="',
    'password = "Tr0ub4dor&3x!"',
    "DB_PASSWORD: 'kX9#mQ2$vL'",
    'String passwd = "s3cr3t!Pass";',
    'client_secret: "{A32}"',
    'private_key = "{H64}"',
    'os.environ["SECRET_KEY"] = "{W50}"',
    'setApiKey("{A32}")',
    "signing-key: {H64}",
    'token="{H40}"',
    'jwt = "eyJ{W33}.eyJ{W80}.{W43}"',
    'hook = "https://hooks.slack.com/services/T{U10}/B{U10}/{A24}"',
    'hook = "https://discord.com/api/webhooks/{D18}/{W68}"',
    'webhook = "https://x.webhook.office.com/webhookb2/{H32}@{H32}/IncomingWebhook/{H32}"',
    '"encryption_key": "{B43}="',
    'auth_token = "{H32}"',
)
"""Credentials that only their surroundings give away."""

NEGATIVES = (
    'VERSION = "2024.11.29-rc1"',
    f'REQUEST_ID = "{_UUID}"',
    'commit = "{H40}"',
    'etag = "{H32}"',
    'sha256 = "{H64}"',
    '"integrity": "sha512-{B86}=="',
    "from tokenizers import Tokenizer, AddedToken",
    "def check_password(self, password: str) -> bool:",
    'api_key = os.environ["OPENAI_API_KEY"]',
    'apiKey: process.env.STRIPE_SECRET_KEY || "",',
    'password = getpass("Password: ")',
    'password = "changeme"',
    'api_key = "YOUR_API_KEY_HERE"',
    'token = "<your-token>"',
    'secret = "${SECRET_VALUE}"',
    'key = f"user:{user_id}:cache:v2"',
    'PRIMARY_KEY = "order_id, line_number"',
    'key="application/vnd.github.v3+json"',
    'KEYCODE_MAP = {"a": 65, "Enter": 13}',
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ user@host",
    'url = "https://user:password@example.com/"',
    'url = f"https://{user}:{token}@host/"',
    '<link href="https://fonts.example/css2?family=Inter:wght@400;700&display=swap">',
    "data:image/png;base64,{B120}",
    'const id = "task-queue-worker-processing-01";',
    ".btn-sk-primary-loading-state-large { color: #a1b2c3; }",
    'assert_equal "expected token to be valid", message',
    'label = gettext("Enter the secret word for your account 12")',
    "hash_key = hashlib.blake2b(key, digest_size=16).hexdigest()",
    'static final String KEY_STORE_TYPE = "PKCS12";',
    'cipher = "ECDHE-RSA-AES256-GCM-SHA384"',
    "tokens = [101, 2054, 2003, 102]",
    'sort_key = "created_at_desc_v2_index"',
    'keyboard = "qwertyuiopasdfghjklzxcvbnm"',
    'DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"',
    'uuid = "urn:uuid:{H8}-{H4}-1{H3}-8{H3}-{H12}"',
    'author = "Basic understanding of authentication schemes"',
    'if token == "]" and key != "value": pass',
)
"""What has no secret in it."""

_PLACE = re.compile(r"\{([AWHUBLD])(\d+)\}")


def made(form: str, seed: int = 0, mark: str = "") -> str:
    """A credential of that form, always the same for a seed; a ``mark`` stands around each part."""
    chance = random.Random(f"{form} {seed}")  # noqa: S311 - nothing to protect

    def drawn(match: re.Match[str]) -> str:
        return f"{mark}{''.join(chance.choices(_ALPHABETS[match[1]], k=int(match[2])))}{mark}"

    return _PLACE.sub(drawn, form)


def labelled(seed: int = 0) -> list[tuple[str, str, str]]:
    """Provider, text and what of it must be hidden: each form in each frame."""
    return [
        (provider, frame.replace("{}", token), token.rpartition(_PUBLIC[provider])[2])
        if provider in _PUBLIC
        else (provider, frame.replace("{}", token), token)
        for provider, forms in FORMATS.items()
        for form in forms
        for token in [made(form, seed)]
        for frame in FRAMES
    ]


_PUBLIC = {"azure": "Q~", "telegram": ":", "terraform": ".atlasv1."}
"""Where what is secret of a credential begins; the rest is an id."""


def named(seed: int = 0) -> list[tuple[str, str]]:
    """Text and what of it must be hidden: the longest of its parts that are made up, or what is quoted."""
    return [(made(form, seed), _hidden(form, seed)) for form in NAMED]


def _hidden(form: str, seed: int) -> str:
    if not _PLACE.search(form):
        quoted: list[str] = re.findall(r"[\"']([^\"']+)[\"']", form)
        return quoted[-1]
    return max(made(form, seed, "\0").split("\0")[1::2], key=len)
