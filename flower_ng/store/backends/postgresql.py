"""The PostgreSQL database behind a store: its tables and indexes, and who may use it. At the start.

Several dashboards may share one. Needs the extra `flower-ng[postgresql]`.
"""

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from time import monotonic
from typing import Any, Final

from flower_ng.database_url import masked, settings_of
from flower_ng.errors import HistoryAway, SettingsError
from flower_ng.store.backends.postgresql_connection import (
    PostgresConnection,
    Session,
    adapters,
    is_away,
)
from flower_ng.store.backends.postgresql_tables import (
    FORMER_INDEXES,
    INDEXES,
    RECOUNT,
    TABLES,
    TOTAL,
    VACUUMED,
    substrings,
)
from flower_ng.store.sql.engine import QUERY_LIMIT_S
from flower_ng.store.tables.dialect import BEGIN, POSTGRESQL, StoreError
from flower_ng.store.tables.schema import VERSION, migrations

CONNECT_S: Final = 5
#: A network that lost the server is noticed within this.
SILENCE_MS: Final = 10_000
#: What a statement may take: one of the writer's, and one that makes an index of a large history.
WRITE_S: Final = 30.0
PREPARE_S: Final = 3600.0

#: libpq's settings; the URL's win.
_DEFAULTS: Final[Mapping[str, str]] = {
    "application_name": "flower_ng",
    "connect_timeout": f"{CONNECT_S}",
    "tcp_user_timeout": f"{SILENCE_MS}",
    "client_encoding": "utf8",
}
#: The server's. Compiled queries and plans for any parameter cost more than they save here.
_ALWAYS: Final = {"jit": "off", "plan_cache_mode": "force_custom_plan"}
#: A crash of the server may cost the last second; what is there is whole all the same.
_WRITING: Final = _ALWAYS | {
    "synchronous_commit": "off",
    "idle_in_transaction_session_timeout": f"{SILENCE_MS}",  # who hangs must not hold up others
    "lock_timeout": f"{WRITE_S / 2 * 1000:.0f}",
}
#: An index is read as fast as the table: disks do not turn any more, or all is in memory.
_READING: Final = _ALWAYS | {
    "random_page_cost": "1.1",
    "default_transaction_read_only": "on",
    "statement_timeout": f"{QUERY_LIMIT_S * 1000:.0f}",
}


class Database:
    """The database that a URL names, opened; `connect()` gives a connection to it.

    It has the shape of a `StoreFile`. `name` is the URL without its password.
    """

    is_temporary = False

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.name = masked(settings)
        self._settings = settings
        self._connections: list[PostgresConnection] = []

    def connect(self, *, writes: bool = False, limit_s: float | None = None) -> PostgresConnection:
        """Return a new connection, which any one thread at a time may use."""
        usual_s, server = (WRITE_S, _WRITING) if writes else (QUERY_LIMIT_S, _READING)
        connection = PostgresConnection(
            partial(session, self._settings, server), limit_s or usual_s
        )
        self._connections.append(connection)
        return connection

    def met(self, error: BaseException) -> None:
        """Do nothing: a server sees to its files itself."""

    def lost(self) -> str:
        """Return nothing: a server sees to its files itself."""
        return ""

    def vanish(self) -> None:
        """Do nothing: only a temporary store goes."""

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()


def opened_database(url: str, warn: Callable[[str], None]) -> Database:
    """Open a database, and make our tables in it where there are none.

    Raises SettingsError where it cannot be used: not ours, newer than we are, or away.
    """
    database = Database(settings_of(url))
    try:
        with closing(database.connect(writes=True, limit_s=PREPARE_S)) as connection:
            _prepare(connection)
            _keep_total(connection)
            if not _index(connection):
                warn(
                    "Searches in the history go through all tasks, because PostgreSQL has no"
                    " pg_trgm: CREATE EXTENSION pg_trgm in its database, then start again"
                )
    except (StoreError, SettingsError) as error:
        database.close()
        kind = HistoryAway if is_away(error) else SettingsError
        raise kind(f"The history at {database.name} cannot be used: {error}") from None
    return database


def session(settings: Mapping[str, str], server: Mapping[str, str]) -> Session:
    """Open a connection by libpq's settings, and have the server's be so; psycopg.Error."""
    ours: dict[str, Any] = {"autocommit": True, "context": adapters()}
    opened = Session.connect(**{**_DEFAULTS, **settings, **ours})
    end = monotonic() + CONNECT_S
    opened.over = lambda: monotonic() > end
    chosen = ", ".join(["set_config(%s, %s, false)"] * len(server))
    opened.execute(f"SELECT {chosen}", [text for pair in server.items() for text in pair])
    return opened


def _prepare(connection: PostgresConnection) -> None:
    """Make the tables, or check those that are there; one dashboard at a time."""
    with connection:
        connection.execute(BEGIN)
        schema, encoding = _row(connection, _PLACE)
        if schema is None:
            raise SettingsError("it has no schema of its search_path: create one")
        if encoding != "UTF8":
            raise SettingsError(f"its encoding is {encoding}: create one with UTF8")
        found = _version(connection)
        if found is None:
            for statement in TABLES:
                connection.execute(statement)
            connection.execute(VACUUMED)
        elif found > VERSION:
            raise SettingsError(
                f"it was written by a newer flower_ng (schema {found}, this one knows {VERSION}):"
                " upgrade, or name another database"
            )
        elif found < VERSION:
            (columns,) = _row(connection, _COLUMNS)
            for statement in migrations(frozenset(columns), POSTGRESQL):
                connection.execute(statement)


def _version(connection: PostgresConnection) -> int | None:
    """Return the version of our tables, None where there are none."""
    (names,) = _row(connection, _NAMES)
    if "meta" not in names and "task" not in names:
        return None
    with suppress(StoreError, IndexError, TypeError, ValueError):
        return int(_row(connection, "SELECT value FROM meta WHERE key = 'schema'")[0])
    raise SettingsError(
        "its tables were not made by flower_ng and are left alone: name another database or schema"
    )


def _index(connection: PostgresConnection) -> bool:
    """Make the indexes that are missing; return whether one is for searches, by pg_trgm.

    That extension is created where we may.
    """
    with suppress(StoreError):
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    extension = connection.execute(_TRIGRAMS).fetchone()
    wanted = INDEXES | ({"task_texts": substrings(extension[0])} if extension else {})
    with connection:
        connection.execute(BEGIN)
        (found,) = _row(connection, _INDEXED)
        for name, definition in wanted.items():
            if name not in found:
                connection.execute(f"CREATE INDEX {name} ON task {definition}")
        for name in FORMER_INDEXES:
            connection.execute(f"DROP INDEX IF EXISTS {name}")
        if not set(found) >= set(wanted):
            connection.execute("ANALYZE task")  # of what an index computes, there is nothing known
    return extension is not None


def _keep_total(connection: PostgresConnection) -> None:
    """Have the number of tasks kept from now on, and be right: they may have been restored."""
    with connection:
        connection.execute(BEGIN)
        (tables,) = _row(connection, _NAMES)
        if "task_total" not in tables:
            connection.execute("LOCK TABLE task IN SHARE ROW EXCLUSIVE MODE")
            for statement in TOTAL:
                connection.execute(statement)
        connection.execute(RECOUNT)


def _row(connection: PostgresConnection, query: str) -> tuple[Any, ...]:
    """Return the row of a query that gives one; empty where it gives none."""
    return tuple(connection.execute(query).fetchone() or ())


_PLACE: Final = "SELECT current_schema(), current_setting('server_encoding')"
#: The names of all tables of the schema.
_NAMES: Final = (
    "SELECT coalesce(array_agg(tablename::text), '{}') FROM pg_tables"
    " WHERE schemaname = current_schema()"
)
#: The names of the indexes of our table of tasks.
_INDEXED: Final = (
    "SELECT coalesce(array_agg(indexname::text), '{}') FROM pg_indexes"
    " WHERE schemaname = current_schema() AND tablename = 'task'"
)
#: The columns of our table of tasks.
_COLUMNS: Final = (
    "SELECT array_agg(attname::text) FROM pg_attribute"
    " WHERE attrelid = 'task'::regclass AND attnum > 0 AND NOT attisdropped"
)
#: The schema that pg_trgm is in.
_TRIGRAMS: Final = (
    "SELECT quote_ident(nspname) FROM pg_extension"
    " JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm'"
)
