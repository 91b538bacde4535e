"""A database's URL, read as libpq's settings and shown without its secrets."""

import psycopg.conninfo
import pytest

from flower_ng.database_url import masked, settings_of
from flower_ng.errors import SettingsError

READ = {
    "postgresql://u:p@h:5433/db": {
        "user": "u",
        "password": "p",
        "host": "h",
        "port": "5433",
        "dbname": "db",
    },
    "postgres://h/db": {"host": "h", "dbname": "db"},
    "postgresql+psycopg://h/db": {"host": "h", "dbname": "db"},
    "postgresql:///db?host=/run/postgresql&port=5433": {
        "host": "/run/postgresql",
        "port": "5433",
        "dbname": "db",
    },
    "postgresql:///?service=flower": {"service": "flower"},
    "postgresql://h/db?sslmode=require&options=-c+search_path%3Deast": {
        "host": "h",
        "dbname": "db",
        "sslmode": "require",
        "options": "-c search_path=east",
    },
    "postgresql://u:a%40b%2Fc@h/my%20db": {
        "user": "u",
        "password": "a@b/c",
        "host": "h",
        "dbname": "my db",
    },
    "postgresql://u:a/b?c#d:e@h/db": {
        "user": "u",
        "password": "a/b?c#d:e",
        "host": "h",
        "dbname": "db",
    },
    "postgresql://[::1]:5433/db": {"host": "::1", "port": "5433", "dbname": "db"},
    "postgresql://a:1,b:2/db?target_session_attrs=read-write": {
        "host": "a,b",
        "port": "1,2",
        "dbname": "db",
        "target_session_attrs": "read-write",
    },
    "postgresql:///db?host=a:1&host=b:2": {"host": "a,b", "port": "1,2", "dbname": "db"},
}


@pytest.mark.parametrize("url", READ)
def test_a_url_says_what_libpq_is_to_be_told(url):
    settings = settings_of(url)

    assert settings == READ[url]
    psycopg.conninfo.make_conninfo(**settings)


@pytest.mark.parametrize("url", READ)
def test_the_shown_url_names_the_same_place_and_no_password(url):
    settings = dict(settings_of(url))
    password = settings.pop("password", None)

    shown = masked(settings | {"sslpassword": "hush"} | ({"password": "hush"} if password else {}))

    assert "hush" not in shown
    again = dict(settings_of(shown))
    assert again.pop("password", None) == ("***" if password else None)
    assert again == settings | {"sslpassword": "***"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h",
        "mysql://h/db",
        "db",
        "",
        "postgresql://h:x/db",
        "postgresql://h:0/db",
        "postgresql:/h/db",
    ],
)
def test_what_is_no_url_of_a_database_is_refused(url):
    with pytest.raises(SettingsError, match="not a URL such as postgresql://"):
        settings_of(url)
