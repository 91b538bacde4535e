"""Every option in every source with right, wrong and empty values: one meaning, or one line."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flower_ng.errors import SettingsError
from flower_ng.settings import OPTIONS, Option, load
from flower_ng.settings.checks import TASKS_COLUMNS
from flower_ng.settings.sources import BY_NAME, Loaded
from flower_ng.web.pages.tasks.columns import COLUMNS


class Right(NamedTuple):
    """A text, the value that it must have, and the same in Python for the configuration file."""

    text: str
    value: Any
    python: Any = None


YES = ("true", "TRUE", "yes", "on", "1", "y", "t", "T")
NO = ("false", "False", "no", "off", "OFF", "0", "n", "f")
BOOLEANS = [*(Right(word, True, True) for word in YES), *(Right(word, False, False) for word in NO)]
WHOLE = [Right("7", 7, 7), Right("1000000", 1_000_000, 1_000_000)]
NUMBERS = [Right("7", 7.0, 7), Right("2.5", 2.5, 2.5)]
TEXTS = [Right("some text", "some text", "some text"), Right("ä=b", "ä=b", "ä=b")]
NOT_WHOLE = ("x", "1.5", "-1", "1e9", "9" * 30, "9" * 5000, "nan", "true")
NOT_NUMBERS = ("x", "-1", "nan", "inf", "1e+300", "1,5")
AMOUNTS = ("-1", "x", "10 GBs", "1e9", "GB", "9" * 15 + "w", "9" * 15 + "TB")

#: What stands for the usual values of the option's type, where its check wants more.
RIGHT: dict[str, list[Right]] = {
    "log_format": [Right("json", "json", "json"), Right("TEXT", "TEXT", "TEXT")],
    "log_rotate_mode": [Right("time", "time", "time"), Right("SIZE", "SIZE", "SIZE")],
    "log_rotate_when": [Right("W6", "W6", "W6"), Right("midnight", "midnight", "midnight")],
    "logging": [Right("WARNING", "WARNING", "WARNING"), Right("none", "none", "none")],
    "home": [Right("overview", "overview", "overview")],
    "port": [Right("0", 0, 0), Right("65535", 65_535, 65_535)],
    "tasks_columns": [Right("uuid, name", "uuid, name", "uuid, name")],
    "history_max_text": [Right("100", 100, 100)],
    "history_max_age": [Right("12h", "12h", "12h"), Right("1.5D", "1.5D", "1.5D")],
    "history_max_failure_age": [Right("0", "0", "0"), Right("2 W", "2 W", "2 W")],
    "hsts_max_age": [Right("365d", "365d", "365d"), Right("0", "0", "0")],
    "session_max_age": [Right("12h", "12h", "12h"), Right("90d", "90d", "90d")],
    "audit_max_age": [Right("12h", "12h", "12h"), Right("1.5D", "1.5D", "1.5D")],
    "metrics_max_bytes": [Right("10M", "10M", "10M"), Right("0", "0", "0")],
    "history_max_bytes": [Right("10M", "10M", "10M"), Right("1gb", "1gb", "1gb")],
    "history": [
        Right(url := "postgresql://u:p@host/db", url, url),
        Right(url := "postgresql://a:1,b:2/db", url, url),
        Right(url := "postgresql:///?service=flower", url, url),
    ],
    "broker_api": [Right(url := "http://u:p%2C@[::1]:15672/api/", url, url)],
    "webhook_url": [Right(url := "https://u:p@host/x?a=1,2", url, url)],
    "cookie_secret": [Right(key := "0f3e=9a ä 77c1 b2d8 e6", key, key)],
    "basic_auth": [Right("a:b, c:d:e", ("a:b", "c:d:e"), ["a:b", "c:d:e"])],
    "cors_origins": [Right("https://a.b, *", ("https://a.b", "*"), ["https://a.b", "*"])],
    "trusted_proxies": [Right("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1"), ["10.0.0.0/8", "::1"])],
    "auth_header": [Right("X-User", "X-User", "X-User")],
    "auth_groups_header": [Right("X-Groups", "X-Groups", "X-Groups")],
    "roles": [Right("admin:a@b, viewer:*", ("admin:a@b", "viewer:*"), ["admin:a@b", "viewer:*"])],
    "trusted_hosts": [
        Right("a.b, *.c.d", ("a.b", "*.c.d"), ["a.b", "*.c.d"]),
        Right("*", ("*",), ["*"]),
    ],
    "redact": [Right("strict", "strict", "strict"), Right("OFF", "OFF", "OFF")],
    "redact_keys": [Right("iban, *_pin", ("iban", "*_pin"), ["iban", "*_pin"])],
    "oidc_url": [
        Right(url := "https://a.b/realms/ops", url, url),
        Right(url := "http://127.0.0.1:9/", url, url),
    ],
    "oidc_scopes": [Right("openid groups", "openid groups", "openid groups")],
    "oidc_name_claim": [Right("upn", "upn", "upn")],
    "oidc_groups_claim": [Right("roles", "roles", "roles")],
    "unix_socket_mode": [Right("660", "660", "660"), Right("0o600", "0o600", "0o600")],
    "event_queue": [Right("night-shift.2", "night-shift.2", "night-shift.2")],
    "notify": [Right("json://a/b,json://c/d", ("json://a/b", "json://c/d"), ["json://a/b", "json://c/d"])],
    "task_links": [
        Right(
            "Logs=https://l.example/?q={uuid},{name}&x=1, Other one=http://o.example/{start_ms}",
            (
                "Logs=https://l.example/?q={uuid},{name}&x=1",
                "Other one=http://o.example/{start_ms}",
            ),
            [
                "Logs=https://l.example/?q={uuid},{name}&x=1",
                "Other one=http://o.example/{start_ms}",
            ],
        )
    ],
    "task_runtime_metric_buckets": [Right("0.5, 1,inf", (0.5, 1.0, math.inf), [0.5, 1, math.inf])],
}  # fmt: skip
WRONG: dict[str, tuple[str, ...]] = {
    "log_format": ("xml",),
    "log_rotate_mode": ("never",),
    "log_rotate_when": ("often", "W7"),
    "logging": ("loud",),
    "home": ("tasks",),
    "port": ("x", "65536", "-1", "1.5", "tcp"),
    "history_max_text": ("99", "x"),
    "history_max_age": AMOUNTS,
    "history_max_failure_age": AMOUNTS,
    "audit_max_age": AMOUNTS,
    "hsts_max_age": AMOUNTS,
    "session_max_age": (*AMOUNTS, "0", "91d", "1s"),
    "history_max_bytes": AMOUNTS,
    "metrics_max_bytes": AMOUNTS,
    "history": ("mysql://host/db", "postgresql://host", "secret"),
    "broker_api": ("ftp://u:secret@host", "secret", "http://"),
    "webhook_url": ("secret", "ftp://u:secret@host"),
    "basic_auth": ("secret", "a:b,secret"),
    "cookie_secret": ("hush",),
    "cors_origins": ("example.com", "https://example.com/"),
    "trusted_proxies": ("proxy.example", "10.0.0.1/8", "10.0.0.0/33"),
    "auth_header": ("X User", "X_User", "X-User:"),
    "auth_groups_header": ("X Groups",),
    "roles": ("ann", "boss:ann", "admin:", "viewer:a*", "admin:group:"),
    "trusted_hosts": ("https://a.b", "a.b:80", "a.*.b", "**"),
    "redact": ("all", "true"),
    "redact_keys": ("*", "a*b", "my key", "x[ab]yz"),
    "oidc_url": ("http://a.b", "https://a.b/?x=1", "a.b", "http://localhost.a.b/"),
    "oidc_scopes": ("email",),
    "oidc_name_claim": ("a b",),
    "oidc_groups_claim": ("a b",),
    "unix_socket_mode": ("rw", "888", "66", "06600", "0x1ff"),
    "event_queue": ("night shift", "a/b", "x" * 201),
    "notify": ("ops@example.com",),
    "task_links": ("https://l.example/", "Logs=javascript:alert(1)", "Logs=https://l.example/{password}"),
    "task_runtime_metric_buckets": ("2,1", "1,x", "nan"),
    "format_task": ("lambda task: task",),
    "certfile": ("nosuch.pem",),
    "keyfile": ("nosuch.pem",),
    "ca_certs": ("nosuch.pem",),
}  # fmt: skip
#: Options whose right values name files or whose text decides where other options come from.
ELSEWHERE = frozenset({"certfile", "keyfile", "ca_certs", "conf", "db", "format_task"})
#: Texts of any kind are right; what they mean shows when they are used.
ANY_TEXT = frozenset(
    {
        "address", "unix_socket", "url_prefix", "auth", "auth_provider", "oauth2_key",
        "oauth2_secret", "oauth2_redirect_uri", "tasks_columns", "webhook_secret",
        "log_file_prefix", "conf", "db", "roles_path", "htpasswd", "tokens",
    }
)  # fmt: skip


def right_values(option: Option) -> list[Right]:
    usual: dict[type | None, list[Right]] = {bool: BOOLEANS, int: WHOLE, float: NUMBERS, str: TEXTS}
    return RIGHT.get(option.name) or usual[option.type]


def wrong_values(option: Option) -> tuple[str, ...]:
    usual: dict[type | None, tuple[str, ...]] = {
        bool: ("maybe", "none", "2", "ja"),
        int: NOT_WHOLE,
        float: NOT_NUMBERS,
        str: (),
    }
    return WRONG.get(option.name, ()) or usual[option.type]


#: The ways to give an option a text, and how a message calls the place.
WAYS = ("--a_b=v", "--a-b=v", "-a_b=v", "--a_b v", "environment", "file")


@pytest.fixture
def given(tmp_path: Path) -> Callable[[str, str, Any], Loaded]:
    """Load settings with one option given in one way."""

    def given(way: str, name: str, value: Any) -> Loaded:
        argv: list[str] = []
        environ: dict[str, str] = {}
        if way == "--a_b=v":
            argv = [f"--{name}={value}"]
        elif way == "-a_b=v":
            argv = [f"-{name}={value}"]
        elif way == "--a-b=v":
            argv = [f"--{name.replace('_', '-')}={value}"]
        elif way == "--a_b v":
            argv = [f"--{name}", value]
        elif way == "environment":
            environ = {f"FLOWER_{name.upper()}": value}
        else:
            (tmp_path / "flowerconfig.py").write_text(
                f"from math import inf\n{name} = {value!r}\n", encoding="utf-8"
            )
        return load(argv, environ, tmp_path)

    return given


def cases(values: Callable[[Option], Any]) -> Iterator[Any]:
    for option in OPTIONS:
        for value in () if values is right_values and option.name in ELSEWHERE else values(option):
            text = value.text if isinstance(value, Right) else value
            yield pytest.param(option, value, id=f"{option.name}={text[:20]}")


@pytest.mark.parametrize(("option", "value"), list(cases(right_values)))
def test_a_right_value_means_the_same_in_every_way(
    given: Any, option: Option, value: Right
) -> None:
    loaded = {way: given(way, option.name, value.text) for way in WAYS}
    loaded["python"] = given("file", option.name, value.python)

    found = {way: getattr(one.settings, option.name) for way, one in loaded.items()}
    assert found == dict.fromkeys(loaded, value.value)
    assert [list(one.warnings) for one in loaded.values()] == [[]] * len(loaded)


@pytest.mark.parametrize(("option", "value"), list(cases(wrong_values)))
def test_a_wrong_value_ends_the_start_with_one_line_that_names_place_value_and_remedy(
    given: Any, option: Option, value: str
) -> None:
    for way in ways(option):
        with pytest.raises(SettingsError) as caught:
            given(way, option.name, value)

        message = caught.value.message
        assert message.startswith(f"Invalid '{place(way, option)}' option: "), message
        assert "\n" not in message
        assert len(message) < 400
        assert any(word in message for word in REMEDIES), message
        is_shown = any(part[:20] in message for part in value.split(","))
        assert is_shown or option.secret or option.type is None, message
        assert not option.secret or value not in message


def ways(option: Option) -> list[str]:
    """The ways in which it can have a text; a word that follows a boolean need not be its value."""
    left_out = {bool: "--a_b v", None: "file"}.get(option.type)
    return [way for way in WAYS if way != left_out]


def place(way: str, option: Option) -> str:
    """How a message calls where a value was given."""
    if way == "environment":
        return f"FLOWER_{option.name.upper()}"
    return f"flowerconfig.py: {option.name}" if way == "file" else option.flag


#: How a message says what would be right.
REMEDIES = (
    "must be", "write true", "such as", "is not a whole number", "is not a number",
    "can only come from", "there is no file", "expected one of", "is not a port", "is not a list",
    "is not an http", "ascending", "random characters or more",
)  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_empty_value_is_the_default_and_refused_for_credentials(
    given: Any, option: Option
) -> None:
    for way in WAYS if option.type else ():
        for empty in ("", " "):
            if option.credential:
                with pytest.raises(SettingsError, match="it is empty: set a value, or leave"):
                    given(way, option.name, empty)
            else:
                settings = given(way, option.name, empty).settings
                assert getattr(settings, option.name) == option.default


def test_an_empty_value_wins_over_lower_sources(tmp_path: Path) -> None:
    loaded = load(["--url_prefix="], {"FLOWER_URL_PREFIX": "x"}, tmp_path)

    assert loaded.settings.url_prefix is None


def test_every_option_with_a_rule_has_wrong_values_here() -> None:
    without = {option.name for option in OPTIONS if not wrong_values(option)}

    assert without == ANY_TEXT


def test_secrets_are_credentials_or_addresses() -> None:
    """What is secret and may be empty is an address whose password is a part of it."""
    found = {option.name for option in OPTIONS if option.secret and not option.credential}

    assert found == {"broker_api", "history", "webhook_url", "notify"}


def test_a_boolean_that_stands_alone_is_true_and_takes_no_other_word(tmp_path: Path) -> None:
    assert load(["--read_only"], {}, tmp_path).settings.read_only is True
    assert load(["--read_only", "--port=1"], {}, tmp_path).settings.port == 1
    assert load(["--read_only", "no"], {}, tmp_path).settings.read_only is False
    assert load(["--read_only", "stray"], {}, tmp_path).warnings != []


def test_what_follows_an_unknown_option_is_taken_for_its_value(tmp_path: Path) -> None:
    loaded = load(["--basic_aut", "a:secret", "--port=1"], {}, tmp_path)

    assert loaded.settings.port == 1
    assert loaded.warnings == ["Ignored unknown option --basic_aut; did you mean --basic_auth?"]


@pytest.mark.parametrize("following", [[], ["--debug"], ["--nosuch=1"], ["-A", "proj"]])
def test_a_name_without_a_value_ends_the_start(tmp_path: Path, following: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"--port requires a value: --port=…$"):
        load(["--port", *following], {}, tmp_path, celery_options=("-A", "--app"))


class TestMisspelt:
    def test_in_the_environment_every_unknown_name_is_warned_about(self, tmp_path: Path) -> None:
        environ = {"FLOWER_PROT": "secret", "FLOWER_Q": "secret", "FLOWERS": "1", "PORT": "2"}

        assert load([], environ, tmp_path).warnings == [
            "Ignored unknown option FLOWER_PROT; did you mean FLOWER_PORT?",
            "Ignored unknown option FLOWER_Q",
        ]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("FLOWER_SERVICE_HOST", "10.0.0.1"),
            ("FLOWER_SERVICE_PORT_HTTP", "5555"),
            ("FLOWER_WEB_SERVICE_PORT", "5555"),
            ("FLOWER_PORT_5555_TCP_ADDR", "10.0.0.1"),
            ("FLOWER_WEB_PORT", "tcp://10.0.0.1:5555"),
            ("FLOWER_UNAUTHENTICATED_API", "true"),
            ("FLOWER_UNAUTHENTICATED_API", ""),
            ("FLOWER_GITLAB_AUTH_ALLOWED_GROUPS", "a/b"),
        ],
    )
    def test_what_kubernetes_and_login_providers_own_is_not(
        self, tmp_path: Path, name: str, value: str
    ) -> None:
        assert load([], {name: value}, tmp_path).warnings == []

    def test_in_the_file_names_like_an_option_are_warned_about_and_helpers_are_not(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "flowerconfig.py").write_text(
            "import os\nfrom math import pi\nbasic_aut = 'a:secret'\nPORT = 1\nusers = ['x']\n"
            "_port = 2\ndef port_of(): ...\n"
        )

        said = "Ignored unknown option {} in flowerconfig.py; did you mean {}?"
        assert load([], {}, tmp_path).warnings == [
            said.format("basic_aut", "basic_auth"),
            said.format("PORT", "port"),
        ]

    def test_a_column_that_does_not_exist_is_named(self, tmp_path: Path) -> None:
        loaded = load([], {"FLOWER_TASKS_COLUMNS": "name,recieved,zzz"}, tmp_path)

        said = "of FLOWER_TASKS_COLUMNS"
        assert loaded.warnings == [
            f"Ignored unknown column 'recieved' {said}; did you mean received?",
            f"Ignored unknown column 'zzz' {said}",
        ]

    def test_the_columns_are_those_of_the_page(self) -> None:
        assert set(TASKS_COLUMNS) == set(COLUMNS)


@pytest.mark.parametrize(
    ("code", "why"),
    [("raise SystemExit(3)", "SystemExit: 3"), ("import sys\nsys.exit()", "SystemExit")],
)
def test_a_file_that_exits_ends_the_start_with_a_line(tmp_path: Path, code: str, why: str) -> None:
    (tmp_path / "flowerconfig.py").write_text(code)

    with pytest.raises(SettingsError, match=f"failed in line [12]: {why}"):
        load([], {}, tmp_path)


class TestFolders:
    @pytest.mark.parametrize("name", ["data/", "data"])
    def test_a_folder_gets_the_file_inside(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "data").mkdir()

        loaded = load([f"--db={name}"], {}, tmp_path)

        assert loaded.settings.db == str(tmp_path / "data/flower")

    def test_a_file_of_the_same_name_goes_first(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data.sqlite3").touch()

        assert load(["--db=data"], {}, tmp_path).settings.db == "data"

    def test_the_default_is_beside_a_package_called_flower(self, tmp_path: Path) -> None:
        (tmp_path / "flower").mkdir()

        assert load(["--persistent"], {}, tmp_path).settings.db == "flower"


def test_the_place_of_each_option_is_known(tmp_path: Path) -> None:
    (tmp_path / "flowerconfig.py").write_text("max_tasks = 5")
    loaded = load(["--port=1"], {"FLOWER_ADDRESS": "::1"}, tmp_path)

    places = [loaded.place(name) for name in ("port", "address", "max_tasks", "db")]
    assert places == ["--port", "FLOWER_ADDRESS", "flowerconfig.py: max_tasks", "--db"]


def test_the_place_of_a_missing_file_is_the_one_that_named_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^Invalid 'FLOWER_CERTFILE' option: there is no file"):
        load([], {"FLOWER_CERTFILE": "no.pem"}, tmp_path)


def test_options_are_found_by_name() -> None:
    assert set(BY_NAME) == {option.name for option in OPTIONS}
