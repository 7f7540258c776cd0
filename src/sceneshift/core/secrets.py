"""What is a secret, told by a variable's name and by its value, and how it is masked.

The prefixes are those that the services publish so that scanners find their tokens;
GitHub's list: https://docs.github.com/en/code-security/secret-scanning.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MASK = "***"
_SHORTEST = 9  # of a value that is masked wherever it stands

# Greedy up to the last `@`: a password may hold one. The second pattern is for a
# password with a slash, which `host:8000/path@x` must not be taken for.
_PASSWORD = re.compile(
    r"(?P<start>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/?#@'\"]*:)[^\s/?#'\"]+(?=@)"
)
_PASSWORD_ODD = re.compile(
    r"(?P<start>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/?#@'\"]*:)(?!\d{1,5}/)[^\s'\"]+(?=@[^\s/@'\"]+)"
)
_QUERY = re.compile(
    r"(?P<start>[?&](?:password|passwd|pwd|token|secret|api_?key)=)[^&\s'\"#]+",
    re.IGNORECASE,
)
_URL = (_PASSWORD, _PASSWORD_ODD, _QUERY)

# What a token contains for certain: without it nothing is searched.
_SIGNS = (
    "-----BEGIN",
    "AIza",
    "AKIA",
    "ASIA",
    "SG.",
    "eyJ",
    "glpat-",
    "pypi-",
    "gh",
    "hf_",
    "k_",
    "npm_",
    "_v1_",
    "_pat_",
    "shp",
    "sk-",
    "whsec_",
    "xox",
)
_TOKENS = r"""
    -----BEGIN\ (?!PUBLIC|CERTIFICATE)[A-Z0-9 ]*-----
    [\s\S]*?(?: -----END\ [A-Z0-9 ]+----- | \Z )
  | \b(?:
        gh[oprsu]_[A-Za-z0-9]{20,} | github_pat_\w{20,}   # GitHub
      | glpat-[\w-]{20,}                                   # GitLab
      | [rs]k_(?:live|test)_[A-Za-z0-9]{10,}               # Stripe
      | whsec_[A-Za-z0-9+/=]{16,}
      | sk-[A-Za-z0-9_-]{20,}                              # OpenAI, Anthropic
      | A[KS]IA[A-Z0-9]{16}\b                              # Amazon
      | AIza[\w-]{35}                                      # Google
      | xox[abeoprs]-[\w-]{10,}                            # Slack
      | SG\.[\w-]{16,}\.[\w-]{16,}                         # SendGrid
      | npm_[A-Za-z0-9]{30,}
      | pypi-[\w-]{50,}
      | hf_[A-Za-z0-9]{30,}                                # Hugging Face
      | dop_v1_[a-f0-9]{60,}                               # DigitalOcean
      | dckr_pat_[\w-]{20,}
      | shp(?:at|ca|pa|ss)_[a-f0-9]{32}                    # Shopify
      | eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}           # a signed JSON web token
    )
"""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    """
    APIKEY AUTHTOKEN CREDENTIAL CREDENTIALS CREDS DSN KEY KEYS PASS PASSPHRASE PASSWD
    PASSWORD PASSWORDS PRIVATE PWD SECRET SECRETS TOKEN TOKENS
    """.split()  # noqa: SIM905 - a line for each word would hide the sense
)
# What is about a secret, or found by it, and is none: `TOKEN_URL`, `MAX_TOKENS`.
_LAST_WORDS = frozenset(
    """
    ALGORITHM ALIAS COUNT DAYS DIR DIRECTORY ENABLED ENDPOINT EXPIRES EXPIRY FILE FOLDER
    FORMAT HASHER HEADER HOST HOURS ID IP LENGTH LIFETIME LIMIT MINUTES NAME NETWORK
    PATH PORT PREFIX REGION REQUIRED ROTATION SECONDS SERVER SIZE SUBNET TIMEOUT TTL
    TYPE URI URL USER USERNAME VERSION ZONE
    """.split()  # noqa: SIM905 - as above
)
_FIRST_WORDS = frozenset({"MAX", "MIN", "NUM", "SHOW", "USE"})
_PUBLIC_WORDS = frozenset({"PUBLIC", "PUBLISHABLE"})
_NO_SECRETS = frozenset({"PWD", "OLDPWD"})  # the shell's own

_PLACEHOLDER = re.compile(
    r"""
    <.*> | \[.*\] | x{3,}|X{3,} | \*{3,} | \.{3,} | \?+
  | (?: change[-_ ]?(?:me|it|this) | replace[-_ ]?(?:me|this|with) | your[-_ ]
      | to[-_ ]?do\b | fix[-_ ]?me | fill[-_ ](?:me|in) | insert[-_ ] | placeholder
      | put[-_ ]your | enter[-_ ]your | example[-_](?:key|token|secret|password)
    ).*
    """,
    re.VERBOSE | re.IGNORECASE,
)


def mask_secrets(text: str) -> str:
    """Return the text with the passwords of URLs and well-known tokens as `***`."""
    if "://" in text:
        for pattern in _URL:
            text = pattern.sub(rf"\g<start>{MASK}", text)
    if any(sign in text for sign in _SIGNS):
        text = _tokens().sub(MASK, text)
    return text


def mask_value(name: str, text: str) -> str:
    """Return what may be shown of a variable: an empty secret is shown as such."""
    return MASK if text and is_secret_name(name) else mask_secrets(text)


def mask_command(words: Sequence[str]) -> str:
    """Return what may be shown of a command line.

    Besides what is a secret anywhere, `--password x`, `--api-key=x` and `TOKEN=x` are.
    """
    shown: list[str] = []
    is_value = False
    for word in words:
        name, equals, value = word.partition("=")
        if is_value and not word.startswith("-"):
            word = MASK  # noqa: PLW2901 - all of it
        elif value and is_secret_name(name.lstrip("-")):
            word = f"{name}={MASK}"  # noqa: PLW2901
        is_value = word.startswith("--") and not equals and is_secret_name(word)
        shown.append(mask_secrets(word))
    return " ".join(shown)


def mask_values(text: str, env: Mapping[str, str]) -> str:
    """Return what may be shown of the output of a program with these variables.

    Their secrets are masked wherever they stand by themselves, as far as they are long
    enough to be meant: `postgres` is a password, and a word.

    Args:
        text: The output.
        env: The program's variables.
    """
    values = {
        value
        for name, value in env.items()
        if len(value) >= _SHORTEST and value in text and is_secret_name(name)
    }
    for value in sorted(values, key=len, reverse=True):
        if not is_placeholder(value):
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text)
    return mask_secrets(text)


def is_secret(name: str, text: str) -> bool:
    """Tell whether a variable holds a secret; an empty one holds none."""
    return mask_value(name, text) != text


@functools.lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell by whole words: `API_KEY` and `dbPassword` are, `KEYBOARD` is not."""
    words = [word.upper() for word in _WORD.findall(name)]
    if not _SECRET_WORDS.intersection(words) or name in _NO_SECRETS:
        return False
    is_about = words[-1] in _LAST_WORDS or words[0] in _FIRST_WORDS
    return not is_about and not _PUBLIC_WORDS.intersection(words)


def is_placeholder(text: str) -> bool:
    """Tell whether a person still has to fill in a value: empty, or `changeme`."""
    return not text.strip() or _PLACEHOLDER.fullmatch(text.strip()) is not None


@functools.cache
def _tokens() -> re.Pattern[str]:
    return re.compile(_TOKENS, re.VERBOSE)  # 3 ms that most commands do not need
