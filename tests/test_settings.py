import math
from pathlib import Path
from typing import Any

import pytest

from flower_ng.errors import SettingsError
from flower_ng.settings import OPTIONS, Loaded, Settings, amounts, load
from flower_ng.settings.sources import load_arguments

CELERY_OPTIONS = ("-A", "--app", "-b", "--broker", "-q", "--quiet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Any:
    """Load settings: `read("--port=1", conf="port = 2", FLOWER_PORT="3")`."""

    def read(*arguments: str, conf: str | None = None, **environ: str) -> Loaded:
        if conf is not None:
            (folder / "flowerconfig.py").write_text(conf, encoding="utf-8")
        return load(arguments, environ, folder, celery_options=CELERY_OPTIONS)

    return read


def test_the_value_of_a_variable_may_be_in_a_file(read: Any, folder: Path) -> None:
    (folder / "secret").write_text("0f3e=9a 77c1 b2d8 e6\n", encoding="utf-8")
    path = str(folder / "secret")
    loaded = read(FLOWER_COOKIE_SECRET_FILE=path, FLOWER_PORT_FILE="")
    assert loaded.settings.cookie_secret == "0f3e=9a 77c1 b2d8 e6"
    assert loaded.warnings == []
    assert loaded.place("cookie_secret") == "FLOWER_COOKIE_SECRET_FILE"
    other = read("--cookie_secret=9c1b=77 0f3e e6 b2d8", FLOWER_COOKIE_SECRET_FILE=path)
    assert other.settings.cookie_secret == "9c1b=77 0f3e e6 b2d8"


def test_a_file_that_holds_no_value_ends_the_start_and_its_content_is_not_repeated(
    read: Any, folder: Path
) -> None:
    (folder / "empty").write_text("\n")
    (folder / "short").write_text("hush")
    (folder / "latin").write_bytes(b"\xff\xfe and more of this")
    (folder / "large").write_bytes(b"x" * 2_000_000)
    for name, words in (
        ("missing", "can't be read"), (".", "can't be read"), ("empty", "it is empty"),
        ("short", "easy to guess"), ("latin", "UTF-8"), ("large", "too large"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=words) as refused:
            read(FLOWER_COOKIE_SECRET_FILE=str(folder / name))
        assert "FLOWER_COOKIE_SECRET_FILE" in str(refused.value)
        assert "hush" not in str(refused.value)
    with pytest.raises(SettingsError, match="not both"):
        read(FLOWER_COOKIE_SECRET_FILE=str(folder / "short"), FLOWER_COOKIE_SECRET="x" * 16)


def test_every_option_of_flower_exists_with_its_default() -> None:
    defaults = {option.name: option.default for option in OPTIONS}

    assert (
        defaults
        | {
            "port": 5555,
            "address": "",
            "unix_socket": "",
            "debug": False,
            "inspect_timeout": 1000.0,
            "auth": "",
            "basic_auth": (),
            "oauth2_key": None,
            "oauth2_secret": None,
            "oauth2_redirect_uri": None,
            "max_workers": 5000,
            "max_tasks": 100_000,
            "db": "flower",
            "persistent": False,
            "state_save_interval": 0,
            "broker_api": None,
            "ca_certs": None,
            "certfile": None,
            "keyfile": None,
            "xheaders": False,
            "auto_refresh": True,
            "purge_offline_workers": None,
            "cookie_secret": None,
            "conf": "flowerconfig.py",
            "enable_events": True,
            "format_task": None,
            "natural_time": False,
            "tasks_columns": "name,uuid,state,received,runtime,worker",
            "auth_provider": None,
            "url_prefix": None,
            "task_runtime_metric_buckets": (),
            "read_only": False,
            "logging": "info",
            "log_to_stderr": None,
            "log_file_prefix": None,
            "log_file_max_size": 100_000_000,
            "log_file_num_backups": 10,
            "log_rotate_when": "midnight",
            "log_rotate_interval": 1,
            "log_rotate_mode": "size",
        }
        == defaults
    )


def test_nothing_given_is_all_defaults(read: Any) -> None:
    assert read() == Loaded(Settings(), [])


class TestPrecedence:
    def test_the_environment_beats_the_default(self, read: Any) -> None:
        assert read(FLOWER_PORT="1").settings.port == 1

    def test_the_file_beats_the_environment(self, read: Any) -> None:
        assert read(conf="port = 2", FLOWER_PORT="1").settings.port == 2

    def test_the_command_line_beats_the_file(self, read: Any) -> None:
        assert read("--port=3", conf="port = 2", FLOWER_PORT="1").settings.port == 3

    def test_the_last_argument_of_a_kind_wins(self, read: Any) -> None:
        assert read("--port=3", "--port=4").settings.port == 4

    def test_the_demo_has_defaults_of_its_own_below_the_command_line(self, folder: Path) -> None:
        assert load_arguments([], folder, address="127.0.0.1").settings.address == "127.0.0.1"
        assert load_arguments(["--address=::1"], folder, address="x").settings.address == "::1"


class TestCommandLine:
    @pytest.mark.parametrize(
        "argument", ["--url_prefix=x", "--url-prefix=x", "-url-prefix=x", "-url_prefix=x"]
    )
    def test_both_spellings_and_one_or_two_dashes_are_one(self, read: Any, argument: str) -> None:
        assert read(argument) == Loaded(Settings(url_prefix="x"), [])

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("--debug", True),
            ("--debug=true", True),
            ("--debug=no", False),
            ("--debug=On", True),
            ("--debug=False", False),
            ("--debug=0", False),
            ("--debug=f", False),
        ],
    )
    def test_a_boolean_is_one_of_the_known_words_or_stands_alone(
        self, read: Any, argument: str, value: object
    ) -> None:
        assert read(argument).settings.debug is value

    def test_a_value_may_hold_equals_signs(self, read: Any) -> None:
        assert read("--oauth2_secret=a=b").settings.oauth2_secret == "a=b"

    def test_several_values_are_split_at_commas(self, read: Any) -> None:
        assert read("--basic_auth=a:b,c:d:e").settings.basic_auth == ("a:b", "c:d:e")

    def test_a_value_may_follow_its_option(self, read: Any) -> None:
        assert read("--port", "5556", "--url-prefix", "x").settings == Settings(
            port=5556, url_prefix="x"
        )

    def test_an_unknown_option_warns_with_the_nearest_and_without_its_value(
        self, read: Any
    ) -> None:
        loaded = read("--basic-aut=me:secret", "--port=1")

        assert loaded.settings.port == 1
        assert loaded.warnings == ["Ignored unknown option --basic-aut; did you mean --basic_auth?"]

    def test_an_unknown_option_like_no_other_warns_too(self, read: Any) -> None:
        assert read("--zzzzzz").warnings == ["Ignored unknown option --zzzzzz"]

    def test_a_word_without_dashes_warns_and_parsing_goes_on(self, read: Any) -> None:
        loaded = read("broker_api=http://u:secret@host/api/", "--port=1")

        assert loaded.settings == Settings(port=1)
        assert loaded.warnings == ["Ignored broker_api: write it with dashes: --broker_api=…"]

    def test_a_stray_word_warns(self, read: Any) -> None:
        assert read("stray").warnings == [
            "Ignored an argument without dashes: options are written --name=value"
        ]

    @pytest.mark.parametrize(
        "argument",
        [
            "redis://:hush@host/0",  # as Airflow starts Flower
            "-bredis://:hush@host/0",
            "--broker:redis://:hush@host/0",
            "--brokerurl=redis://:hush@host/0",
            "broker_api=http://me:hush@host/api/",
            "me:hush",
            "--basic-auth:me:hush",
        ],
    )
    def test_an_ignored_argument_is_not_repeated_for_it_may_be_a_secret(
        self, read: Any, argument: str
    ) -> None:
        [warning] = read(argument).warnings

        assert "Ignored" in warning
        assert "hush" not in warning

    def test_celerys_own_options_warn_once_with_the_right_order(self, read: Any) -> None:
        loaded = read("--broker=redis://:secret@host", "-A", "proj", "--port=1")

        assert loaded.settings == Settings(port=1)
        [warning] = loaded.warnings
        assert warning.startswith(
            "Ignored Celery's own options after the sub-command: --broker, -A."
        )
        assert warning.endswith(": celery [celery options] flower_ng [flower_ng options]")


class TestEnvironment:
    @pytest.mark.parametrize("word", ["y", "YES", "t", "True", "on", "1"])
    def test_the_words_of_yes_are_true(self, read: Any, word: str) -> None:
        assert read(FLOWER_DEBUG=word).settings.debug is True

    @pytest.mark.parametrize("word", ["n", "No", "f", "FALSE", "off", "0"])
    def test_the_words_of_no_are_false(self, read: Any, word: str) -> None:
        assert read(FLOWER_AUTO_REFRESH=word).settings.auto_refresh is False

    def test_any_other_word_for_a_boolean_is_an_error(self, read: Any) -> None:
        with pytest.raises(SettingsError, match="'FLOWER_DEBUG' option: 'maybe' is neither"):
            read(FLOWER_DEBUG="maybe")

    def test_numbers_and_lists_are_read(self, read: Any) -> None:
        settings = read(
            FLOWER_INSPECT_TIMEOUT="500",
            FLOWER_BASIC_AUTH="a:b,c:d",
            FLOWER_TASK_RUNTIME_METRIC_BUCKETS="0.5,1,inf",
        ).settings

        assert settings.inspect_timeout == 500.0
        assert settings.basic_auth == ("a:b", "c:d")
        assert settings.task_runtime_metric_buckets == (0.5, 1.0, math.inf)

    def test_tornados_logging_options_are_read_too(self, read: Any) -> None:
        assert read(FLOWER_LOGGING="debug").settings.logging == "debug"

    def test_unknown_variables_have_no_effect(self, read: Any) -> None:
        assert read(FLOWER_SERVICE_HOST="10.0.0.1", FLOWER_NOSUCH="1").settings == Settings()

    def test_a_function_cannot_come_from_it(self, read: Any) -> None:
        with pytest.raises(SettingsError, match="FLOWER_FORMAT_TASK"):
            read(FLOWER_FORMAT_TASK="lambda task: task")

    def test_kubernetess_link_to_a_service_called_flower_warns(self, read: Any) -> None:
        loaded = read(FLOWER_PORT="tcp://10.0.0.1:80")

        assert loaded.settings.port == 5555
        assert loaded.warnings[0].startswith(
            "Ignored FLOWER_PORT=tcp://10.0.0.1:80: Kubernetes sets it"
        )

    def test_a_switch_of_the_api_that_says_neither_yes_nor_no_warns(self, read: Any) -> None:
        loaded = read(FLOWER_UNAUTHENTICATED_API="maybe")

        assert loaded.warnings[0].startswith("FLOWER_UNAUTHENTICATED_API='maybe' is neither")

    def test_it_names_the_configuration_file(self, read: Any, folder: Path) -> None:
        (folder / "other.py").write_text("port = 7")

        assert read(FLOWER_CONF="other.py").settings.port == 7


class TestConfigurationFile:
    def test_globals_that_are_options_count_and_others_do_not(self, read: Any) -> None:
        settings = read(conf="import os\nhelper = 1\nport = 6\nurl_prefix = 'x'\n").settings

        assert settings == Settings(port=6, url_prefix="x")

    def test_it_is_utf_8_and_knows_its_own_place(self, read: Any, folder: Path) -> None:
        settings = read(conf="db = 'ä'\naddress = __file__\n").settings

        assert settings.db == "ä"
        assert settings.address == str(folder / "flowerconfig.py")

    def test_text_is_read_as_on_the_command_line(self, read: Any) -> None:
        settings = read(conf="port = '6'\nbasic_auth = 'a:b,c:d'\ndebug = 'no'\n").settings

        assert (settings.port, settings.basic_auth, settings.debug) == (6, ("a:b", "c:d"), False)

    def test_a_whole_number_may_stand_for_a_number(self, read: Any) -> None:
        settings = read(
            conf="inspect_timeout = 5000\ntask_runtime_metric_buckets = [1, 5]"
        ).settings

        assert settings.inspect_timeout == 5000.0
        assert settings.task_runtime_metric_buckets == (1.0, 5.0)

    def test_none_leaves_the_default(self, read: Any) -> None:
        assert read(conf="port = None\npurge_offline_workers = None").settings == Settings()

    def test_a_function_may_format_tasks(self, read: Any) -> None:
        settings = read(conf="def format_task(task):\n    return task\n").settings

        assert settings.format_task("same") == "same"

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("port = 1.5", "expected a whole number, not float"),
            ("port = True", "expected a whole number, not bool"),
            ("debug = 1", "expected true or false, not int"),
            ("address = 5", "expected text, not int"),
            ("basic_auth = ('a:b',)", "expected a list or a comma-separated text, not tuple"),
            ("basic_auth = [1]", "expected text, not int"),
            ("format_task = 'x'", "a function can only come|is not a function"),
        ],
    )
    def test_a_wrong_type_is_an_error_that_names_file_and_option(
        self, read: Any, line: str, why: str
    ) -> None:
        name = line.partition(" ")[0]

        with pytest.raises(SettingsError, match=f"'flowerconfig.py: {name}' option: ({why})"):
            read(conf=line)

    def test_an_error_in_it_is_one_line_with_its_place(self, read: Any) -> None:
        with pytest.raises(SettingsError, match=r"failed in line 2: NameError: name 'nosuch'"):
            read(conf="port = 1\nnosuch\n")

    def test_an_error_of_several_lines_with_a_password_is_one_line_without_it(
        self, read: Any
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            read(conf="raise ValueError('no\\nredis://:hush@host')")

        assert caught.value.message.endswith("ValueError: no redis://**@host")

    @pytest.mark.parametrize(
        ("conf", "words"),
        [
            ("max_tasks = 10**5000", "the number is too large"),
            ("inspect_timeout = 10**400", "the number is too large"),
            ("inspect_timeout = float('nan')", "nan is not a number"),
            ("task_runtime_metric_buckets = [float('nan')]", "nan is not a number"),
            ("db = 'a\\0b'", "it holds a null character"),
            ("url_prefix = '\\ud800'", "it is not valid Unicode: write it in UTF-8"),
            ("basic_auth = ['ann:x', 'a\\0b:c']", "it holds a null character"),
            ("basic_auth = []", "it is empty: set a value, or leave the option out"),
        ],
    )
    def test_what_no_text_can_say_is_refused_too(self, read: Any, conf: str, words: str) -> None:
        with pytest.raises(SettingsError, match=words):
            read(conf=conf)

    def test_wrong_python_in_it_is_one_line_with_its_place(self, read: Any) -> None:
        with pytest.raises(SettingsError, match=r"failed in line 1: SyntaxError"):
            read(conf="port = = 1\n")

    def test_one_that_was_asked_for_must_be_there(self, read: Any) -> None:
        with pytest.raises(SettingsError, match=r"nosuch\.py: No such file"):
            read("--conf=nosuch.py")


class TestValues:
    @pytest.mark.parametrize(
        "argument",
        [
            "--port=x",
            "--port=70000",
            "--port=-1",
            "--inspect_timeout=0",
            "--inspect_timeout=nan",
            "--max_tasks=0",
            "--max_workers=x",
            "--purge_offline_workers=-1",
            "--inbox_max_bytes=0",
            "--logging=loud",
            "--log_rotate_mode=never",
            "--log_rotate_when=often",
            "--cors_origins=example.com",
            "--cors_origins=https://example.com/",
            "--task_runtime_metric_buckets=2,1",
            "--task_runtime_metric_buckets=1,x",
            "--certfile=nosuch.pem",
            "--task_links=https://logs.example/{uuid}",
            "--task_links=Logs=javascript:alert(1)",
            "--task_links=Logs=https://logs.example/{password}",
            "--notify=ops@example.com",
        ],
    )
    def test_a_wrong_one_is_one_line_that_names_the_option(self, read: Any, argument: str) -> None:
        name = argument.partition("=")[0]

        with pytest.raises(SettingsError, match=f"^Invalid '{name}' option: .*$"):
            read(argument)

    def test_a_large_number_is_shown_as_it_was_written(self, read: Any) -> None:
        with pytest.raises(SettingsError, match=r"12345678901\.5 must be at most 1000000000$"):
            read("--inspect_timeout=12345678901.5")

    def test_the_example_of_what_would_be_right_is_shown(self, read: Any) -> None:
        with pytest.raises(SettingsError, match=r"such as slack://token@channel$"):
            read("--notify=ops")

    @pytest.mark.parametrize(
        "argument",
        [
            "--basic_auth=secret",
            "--basic_auth=:secret",
            "--broker_api=ftp://u:secret@host",
            "--broker_api=secret",
            "--port=redis://:secret@host/0",
            "--port=redis://:secr/secret@host/0",
            "--cors_origins=https://u:secret@host/",
            "--task_links=Logs=ftp://u:secret@host/",
        ],
    )
    def test_a_wrong_one_is_not_repeated_where_it_may_hold_a_password(
        self, read: Any, argument: str
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            read(argument)

        assert "secret" not in caught.value.message

    @pytest.mark.parametrize(
        "value", [":", "", "ann:", ":secret", " :secret", "ann:secret,", "ann:secret,:", "ann"]
    )
    def test_a_login_with_an_empty_name_or_password_ends_the_start(
        self, read: Any, value: str
    ) -> None:
        with pytest.raises(SettingsError, match=r"^Invalid 'FLOWER_BASIC_AUTH' option: .*$"):
            read(FLOWER_BASIC_AUTH=value)
        with pytest.raises(SettingsError, match=r"^Invalid '--basic_auth' option: .*$"):
            read(f"--basic_auth={value}")

    @pytest.mark.parametrize("key", ["x", "secret", "a" * 40, "abcabcabcabcabcabcabc"])
    def test_a_cookie_secret_that_can_be_guessed_ends_the_start(self, read: Any, key: str) -> None:
        with pytest.raises(SettingsError, match="the value is too easy to guess: take"):
            read(f"--cookie_secret={key}")

    @pytest.mark.parametrize(
        "argument",
        [
            "--broker_api=https://u:p@host:15671/api",
            "--cookie_secret=5eJ0-vQ2sLkz8RtY",
            "--cors_origins=https://a.example,http://b.example:8080",
            "--cors_origins=*",
            "--logging=WARNING",
            "--task_links=Logs=https://logs.example/?q={uuid},Errors=http://e.example/{name}",
            "--port=0",
            "--purge_offline_workers=0",
        ],
    )
    def test_unusual_ones_are_accepted(self, read: Any, argument: str) -> None:
        assert read(argument).warnings == []

    def test_a_certificate_needs_its_key(self, read: Any, folder: Path) -> None:
        (folder / "cert.pem").touch()

        with pytest.raises(SettingsError, match="belong together"):
            read("--certfile=cert.pem")

    def test_files_of_tls_get_their_whole_path(self, read: Any, folder: Path) -> None:
        (folder / "cert.pem").touch()
        (folder / "key.pem").touch()

        settings = read("--certfile=cert.pem", f"--keyfile={folder}/key.pem").settings

        assert settings.certfile == str(folder / "cert.pem")
        assert settings.keyfile == str(folder / "key.pem")

    def test_secrets_do_not_show_when_settings_are_printed(self, read: Any) -> None:
        loaded = read(
            "--cookie_secret=hush-5eJ0vQ2sLkz8RtY", "--basic_auth=a:hush", "--oauth2_secret=hush"
        )

        assert "hush" not in repr(loaded)


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ((), 100_000),
        (("--max_tasks=7",), 7),
        (("--persistent=true",), 1_000_000),
        (("--history=postgresql://host/db",), 1_000_000),
        (("--persistent=true", "--max_tasks=7"), 7),
        (("--max_tasks=7", "--history_max_tasks=9"), 9),
    ],
)
def test_the_history_holds_as_many_tasks_as_memory_or_a_million_where_it_lasts(
    read: Any, arguments: tuple[str, ...], kept: int
) -> None:
    settings = read(*arguments).settings

    assert (settings.history_max_tasks or settings.max_tasks) == kept


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 30 * 86_400),
        ("1.5h", 5400),
        ("90", 90),
        ("2 W", 14 * 86_400),
        ("2 y", None),
        ("0", 0),
    ],
)
def test_durations_have_a_unit_or_are_seconds(read: Any, text: str, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(SettingsError, match="'2 y' is not a duration such as 30d"):
            read(f"--history_max_age={text}")
    else:
        assert amounts.seconds(read(f"--history_max_age={text}").settings.history_max_age) == (
            seconds or None
        )


@pytest.mark.parametrize(
    ("text", "size"),
    [("10GB", 10**10), ("1.5 MiB", 3 * 2**19), ("500mb", 5 * 10**8), ("4096", 4096), ("0", None)],
)
def test_sizes_have_a_unit_or_are_bytes(read: Any, text: str, size: int | None) -> None:
    settings = read(f"--history_max_bytes={text}").settings

    assert amounts.size_bytes(settings.history_max_bytes) == size


@pytest.mark.parametrize("text", ["10 GBs", "-1", "GB", "1e9", "ten"])
def test_what_is_no_size_is_refused_with_an_example(read: Any, text: str) -> None:
    with pytest.raises(SettingsError, match="is not a size such as 10GB"):
        read(f"--history_max_bytes={text}")
