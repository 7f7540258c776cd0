from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.core.secrets import (
    MASK,
    is_placeholder,
    is_secret,
    is_secret_name,
    mask_command,
    mask_secrets,
    mask_value,
    mask_values,
)

# Put together here, so that no scanner takes this file for a leak.
TOKENS = {
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "a1B2_" * 8,
    "GitLab": "glpat-" + "a1B2-" * 5,
    "Stripe": "sk_" + "live_" + "a1B2" * 6,
    "Amazon": "AKIA" + "A1B2" * 4,
    "Google": "AIza" + "a1B2-" * 7,
    "Slack": "xoxb-" + "123-" * 5,
    "a key of a model": "sk-" + "proj-" + "a1B2" * 8,
    "a web token": ".".join(["eyJ" + "a1B2" * 4, "eyJ" + "c3D4" * 4, "e5F6" * 4]),
    "a private key": "-----BEGIN RSA PRIVATE"
    " KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "a cut private key": "-----BEGIN PRIVATE" + " KEY-----\nMIIE",
}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://u:secret@h/db", "postgresql://u:***@h/db"),
        ("at redis://:secret@h:6379/0.", "at redis://:***@h:6379/0."),
        ("a://u:p@ss@h and b://v:q@i", "a://u:***@h and b://v:***@i"),
        ("mysql+pymysql://u:a/b@h/db", "mysql+pymysql://u:***@h/db"),
        ("pg://u@h/db?password=secret&x=1", "pg://u@h/db?password=***&x=1"),
        ("http://127.0.0.1:8000/a@b", "http://127.0.0.1:8000/a@b"),
        ("http://host:8000/", "http://host:8000/"),
        ("no url: a:b@c", "no url: a:b@c"),
    ],
)
def test_a_password_in_a_url_is_masked(text: str, masked: str) -> None:
    """A URL keeps all but its password."""
    assert mask_secrets(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key=word-of-mouth.", "key=***."),
        ("a word-of-mouth, more: word-of-mouth-2", "a ***, more: ***"),
        ("words: swordword-of-mouth, postgres", "words: swordword-of-mouth, postgres"),
        ("changeme-please, /word/of/mouth", "changeme-please, /word/of/mouth"),
        ("pg://u:word@h", "pg://u:***@h"),
    ],
)
def test_the_values_of_secrets_are_masked_where_they_stand(
    text: str, masked: str
) -> None:
    """Not within words, nor what is too short to be told from one."""
    env = {
        "API_KEY": "word-of-mouth",
        "OTHER_TOKEN": "word-of-mouth-2",
        "DB_PASSWORD": "postgres",
        "SECRET_KEY": "changeme-please",
        "KEY_FILE": "/word/of/mouth",
    }
    assert mask_values(text, env) == masked


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_known_token_is_masked_wherever_it_stands(token: str) -> None:
    """By what it begins with, whatever its variable is called."""
    assert mask_secrets(f"a {token} b".replace(" b", "")) == f"a {MASK}"
    assert is_secret("HARMLESS", token)


@pytest.mark.parametrize(
    "text",
    [
        "ghp_short",
        "my_sk_live_music",
        "task-1234567890123456789012345",
        "AKIABLE",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "eyJ",
    ],
)
def test_what_only_looks_like_a_token_is_shown(text: str) -> None:
    """A mask that hides what is none is not believed."""
    assert mask_secrets(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY",
        "APIKEY",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASS",
        "DB_PWD",
        "DJANGO_SECRET_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS_JSON",
        "MYSQL_PASSWD",
        "PRIVATE_KEY",
        "SENTRY_DSN",
        "TOKEN",
        "api-token",
        "dbPassword",
        "key1",
    ],
)
def test_a_secret_is_told_by_a_word_of_its_name(name: str) -> None:
    """Whatever it holds."""
    assert is_secret_name(name)
    assert mask_value(name, "x") == MASK


@pytest.mark.parametrize(
    "name",
    [
        "ACCESS_TOKEN_EXPIRY",
        "AUTHOR",
        "BYPASS",
        "COMPASS_URL",
        "KEYBOARD",
        "KEYCLOAK_REALM",
        "MAX_TOKENS",
        "MONKEY",
        "NEXT_PUBLIC_MAP_KEY",
        "OLDPWD",
        "PRIVATE_KEY_PATH",
        "PWD",
        "SECRETARY",
        "SSH_KEY_FILE",
        "STRIPE_PUBLISHABLE_KEY",
        "TOKENIZER_PATH",
        "TOKENIZERS_PARALLELISM",
        "TOKEN_URL",
    ],
)
def test_a_word_within_another_makes_no_secret(name: str) -> None:
    """Nor does a name of where, how long or how many."""
    assert not is_secret_name(name)
    assert mask_value(name, "x") == "x"


def test_an_empty_secret_is_shown_as_empty() -> None:
    """Whoever looks for what is missing must see it."""
    assert mask_value("API_KEY", "") == ""


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["mysql", "--password", "x", "-h", "y"], "mysql --password *** -h y"),
        (["a", "--api-key=x", "--key-file=y"], "a --api-key=*** --key-file=y"),
        (["env", "TOKEN=x y", "TOKEN=", "b"], "env TOKEN=*** TOKEN= b"),
        (["a", "--show-token", "--verbose"], "a --show-token --verbose"),
        (["a", "--token", "--verbose", "b"], "a --token --verbose b"),
        (["a", "redis://:pw@h"], "a redis://:***@h"),
    ],
)
def test_a_command_line_shows_no_secret(words: list[str], shown: str) -> None:
    """Whichever way it is given."""
    assert mask_command(words) == shown


@given(st.text(), st.text())
def test_a_secret_never_shows(name: str, text: str) -> None:
    """Masking is all or nothing by name, and is stable."""
    masked = mask_value(name, text)
    assert mask_value(name, masked) == masked
    if is_secret_name(name):
        assert masked in {"", MASK}


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "changeme", "CHANGE_ME", "change-this!", "your-api-key", "<token>"),
        *("xxx", "XXXX", "TODO", "replace_me", "...", "***", "[fill in]"),
        "your_key_here",
    ],
)
def test_a_placeholder_waits_for_a_person(text: str) -> None:
    """As people write them in an example."""
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["debug", "8000", "yours", "x", "xyz", "todos", "a<b>"]
)
def test_a_value_is_no_placeholder(text: str) -> None:
    """Whoever sees it can go on."""
    assert not is_placeholder(text)
