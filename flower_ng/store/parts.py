"""Parts of the index: what tables they are, and how one is filled. Pure; SQLite only.

A part holds some tasks as they were when it was made. Its rows are narrow, without the large texts,
and stand in the order of the task ids: an index of one column alone sorts its ties by id. Texts are
case-folded, with the raw one beside where folding changes it and tasks are counted by it. Rows that
are superseded are `dead`; all else never changes.
"""

from dataclasses import dataclass
from typing import Final, Literal

from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.schema import COLUMNS, FOLDED, RARE, folded, value
from flower_ng.store.where import PAYLOAD

#: What tasks are filtered and counted by.
COUNTED: Final = ("state", "name", "worker", "queue", "exception_class")

_TEXTS: Final = tuple(name for name in FOLDED if name not in PAYLOAD and name != "uuid")
_NUMBERS: Final = tuple(name for name, kind in COLUMNS.items() if kind != "TEXT")
_NARROW: Final[dict[str, str]] = {
    "id": "t.id",
    "uuid": "t.uuid",
    "uuid_folded": "t.uuid_folded",
    **{name: folded(name) for name in _TEXTS},
    **{f"{name}_raw": f"CASE WHEN t.{name}_folded IS NULL THEN NULL ELSE t.{name} END"
       for name in COUNTED},
    **{name: f"t.{name}" for name in _NUMBERS},
}  # fmt: skip

#: The columns that a part is sorted by from an index.
SORTED: Final = tuple(name for name in (*_TEXTS, *_NUMBERS) if name in COLUMNS and name not in RARE)

#: Most tasks succeed: what is indexed of the others alone costs little.
COMMON_STATE: Final = "success"
_UNCOMMON: Final = f"state <> '{COMMON_STATE}'"

#: Indexes for lists that are filtered and sorted: their columns, and the rows that they are of.
COMPOSED: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    **{f"{name}_timestamp": ((name, "timestamp"), "") for name in ("state", "name", "worker",
                                                                    "queue")},
    "exception_class_timestamp": (
        ("exception_class", "timestamp"), "exception_class IS NOT NULL"),
    "name_runtime": (("name", "runtime"), ""),
    "name_state_timestamp": (("name", "state", "timestamp"), ""),
    **{f"state_{name}": (("state", name), _UNCOMMON) for name in ("name", "worker", *_NUMBERS)
       if name != "timestamp"},
}  # fmt: skip

#: What words are looked for in; also what holds the pairs of keyword arguments.
SEARCHED: Final = (
    "uuid", "name", "state", "worker", "args", "kwargs", "result", "exception", "queue",
    "original_name",
)  # fmt: skip

_WORDS: Final = (
    "words, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'"
)


@dataclass(frozen=True, slots=True)
class PartRows:
    """The rows `p` of a part as a Source; large texts are those of the task `t`."""

    dialect: Dialect = SQLITE

    def raw(self, column: str) -> str:
        """Return the column as it came; of most texts only whether it is null is right."""
        return value(column, "t") if column in PAYLOAD else f"p.{column}"

    def folded(self, column: str) -> str:
        """Return the case-folded text of a column."""
        if column in PAYLOAD:
            return folded(column, "t")
        return "coalesce(p.uuid_folded, p.uuid)" if column == "uuid" else f"p.{column}"


def created(number: int) -> str:
    """Return the statement that makes the table of a part's rows.

    Without its type, an id would be looked for in every row: its index compares by the type.
    """
    columns = ", ".join("id INTEGER" if name == "id" else name for name in _NARROW)
    return f"CREATE TABLE part{number} (r INTEGER PRIMARY KEY, {columns}, dead)"


def filled(number: int) -> str:
    """Return the statement that copies the tasks whose ids are in `wanted`."""
    return (
        f"INSERT INTO part{number} ({', '.join(_NARROW)}) SELECT {', '.join(_NARROW.values())}"
        " FROM wanted CROSS JOIN task t ON t.id = wanted.id ORDER BY t.uuid"
    )


def indexed(number: int) -> list[str]:
    """Return the statements that make the indexes, each of all rows at once."""
    sorts = [_index(number, name, sort_key(name, "")) for name in SORTED]
    composed = [
        _index(number, name, ", ".join(sort_key(column, "") for column in columns), condition)
        for name, (columns, condition) in COMPOSED.items()
    ]
    return [_index(number, "id", "id"), *sorts, *composed]


def sort_key(column: str, alias: str = "p.") -> str:
    """Return the SQL that a column is sorted by: integers as text."""
    name = f"{alias}{column}"
    return SQLITE.text(name) if COLUMNS.get(column) == "INTEGER" else name


def worded(number: int) -> list[str]:
    """Return the statements that make the trigrams of a part: in which rows each three letters are.

    Neither the text nor the places are kept, so that what is found must be looked at.
    """
    return [
        f"CREATE VIRTUAL TABLE text{number} USING fts5 ({_WORDS})",
        f"INSERT INTO text{number} (text{number}, rank) VALUES ('automerge', 0)",
        f"INSERT INTO text{number} (text{number}, rank) VALUES ('hashsize', {64 << 20})",
    ]


def words_copied() -> str:
    """Return the statement that copies the texts of the tasks whose ids are in `wanted`.

    A NUL would end them for FTS5, so that the function `readable` is to take it out.
    """
    texts = [f"coalesce({folded(name)}, '')" for name in SEARCHED]
    joined = " || char(10) || ".join([*texts, "coalesce(t.pairs, '')"])
    return (
        "INSERT INTO words SELECT id,"
        " CASE WHEN instr(words, char(0)) THEN readable(words) ELSE words END AS words"
        f" FROM (SELECT t.id, {joined} AS words FROM wanted CROSS JOIN task t ON t.id = wanted.id)"
    )


def words_filled(number: int) -> str:
    """Return the statement that takes apart the texts of the rows behind `?1` and up to `?2`."""
    return (
        f"INSERT INTO text{number} (rowid, words) SELECT p.r, w.words FROM part{number} p"
        " CROSS JOIN words w ON w.id = p.id WHERE p.r > ?1 AND p.r <= ?2"
    )


def place_of(number: int, rows: int, uuid: str, relation: Literal["<", "<="]) -> str:
    """Return the SQL for the last place whose id is less, or at most, a parameter; 0 for none.

    Places are in the order of the ids, so that halving finds it.
    """
    low, high = (f"iif(p.uuid {relation} {uuid}, {pair})" for pair in ("p.r, low", "high, p.r"))
    return (
        f"(WITH RECURSIVE half (low, high) AS (SELECT 0, {rows + 1} UNION ALL SELECT {low}, {high}"
        f" FROM half CROSS JOIN part{number} p ON p.r = (low + high) / 2 WHERE high - low > 1)"
        " SELECT max(low) FROM half)"
    )


def dropped(number: int, *, has_words: bool) -> list[str]:
    """Return the statements that take a part away."""
    words = [f"DROP TABLE text{number}"] if has_words else []
    return [*words, f"DROP TABLE part{number}"]


def _index(number: int, name: str, columns: str, condition: str = "") -> str:
    rows = f" WHERE {condition}" if condition else ""
    return f"CREATE INDEX part{number}_{name} ON part{number} ({columns}){rows}"
