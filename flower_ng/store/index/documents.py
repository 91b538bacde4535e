"""The fields of a task in the index, and the SQL that makes a document of its row. Pure.

A text is not kept: it is cut into grams of three characters, which say in which tasks it may be.
SQLite writes a document as JSON and the library reads that, both without the interpreter.
"""

from typing import Any, Final, TypeAlias

import msgspec
import tantivy

from flower_ng.search.conditions import FACETS
from flower_ng.store.tables.schema import folded

#: Raised with each change of what is in a document; an index of another version is made again.
VERSION: Final = 6
#: Characters of a gram.
GRAM: Final = 3
#: Ends a text, so that each of its characters begins a gram: shorter words are looked for as such.
#: It is ASCII, so that most documents are, which are handed over without being encoded.
LAST: Final = "\x7f"
END: Final = LAST * (GRAM - 1)

#: Fields with few values that are looked for, case-folded.
VALUES: Final = (*FACETS.values(), "original_name", "exchange", "routing_key")
#: Times and numbers; what lacks one has none in the index.
NUMBERS: Final = (
    "received", "sent", "started", "rejected", "succeeded", "failed", "retried", "revoked",
    "timestamp", "runtime", "retries",
)  # fmt: skip
#: Numbers that are made of others: when a task was received else sent, how long it waited then
#: until it started, when it ended, and when it was received else heard of.
MADE: Final = {
    "since": "coalesce(t.received, t.sent)",
    "waited": "CASE WHEN t.started >= coalesce(t.received, t.sent)"
    " THEN t.started - coalesce(t.received, t.sent) END",
    "finished": f"CASE {folded('state')} WHEN 'success' THEN t.succeeded"
    " WHEN 'failure' THEN t.failed WHEN 'revoked' THEN t.revoked END",
    "at": "coalesce(t.received, t.timestamp)",
}
#: Where the grams of columns are: one field for those that an ordinary word is looked for in.
GRAMS: Final = {
    "words": ("uuid", "args", "kwargs", "result", "exception"),
    "kin": ("parent_id", "root_id"),
    "traceback": ("traceback",),
}
GRAMS_OF: Final = {column: field for field, columns in GRAMS.items() for column in columns}
#: Columns that are sorted by the start of their texts.
STARTS: Final = ("root_id", "parent_id")
#: What may be lacking; what a task has of it, the words of the field `has` tell.
HAD: Final = (
    "name", "worker", "queue", "result", "exception", "traceback", "parent_id", "root_id", "eta",
    "expires", "received", "sent", "started", "rejected", "succeeded", "failed", "retried",
    "revoked", "runtime", "retries", "state_source", "original_name",
)  # fmt: skip
#: Said in `has` of a task whose id is not in lower case.
CASED: Final = "cased"

#: A document, the id of its task, and the texts of STARTS.
Row: TypeAlias = tuple[msgspec.Raw, str, str | None, str | None]
#: The largest number that is kept; an infinite one is no JSON.
_LARGEST: Final = "1e300"


def schema() -> Any:
    """Return the fields of the index."""
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    for name in ("uuid", *FACETS.values()):
        _text(builder, name, "whole" if name == "state" else "none", fast=True)
    for name in (*VALUES, "retries_text"):
        _text(builder, f"{name}_folded", "whole", fast=True)
    for name in GRAMS:
        _text(builder, name, "grams")
    _text(builder, "pairs", "whole")
    _text(builder, "has", "words")
    builder.add_integer_field("uuid_start", fast=True)
    for name in (*NUMBERS, *MADE, *(f"{name}_start" for name in STARTS)):
        builder.add_float_field(name, fast=True)
    return _reads_numbers_as_text(builder.build())


def _reads_numbers_as_text(built: Any) -> Any:
    """Have a schema take numbers as texts too: those of JSON lose their last bit at times.

    The library's builder has no word for it, but the form in which a schema is pickled has.
    """
    make, (told,) = built.__reduce__()
    for field in told["inner"]:
        if field["type"] == "f64":
            field["options"]["coerce"] = True
    return make(told)


def _text(builder: Any, name: str, tokenizer: str, *, fast: bool = False) -> None:
    builder.add_text_field(name, fast=fast, tokenizer_name=tokenizer, index_option="basic")


def register(index: Any) -> None:
    """Tell an index how the texts of its fields are cut; what is sorted by is not cut."""
    tokenizer, built = tantivy.Tokenizer, tantivy.TextAnalyzerBuilder
    analyzers = {
        "whole": built(tokenizer.raw()).build(),
        "words": built(tokenizer.whitespace()).build(),
        "grams": built(tokenizer.ngram(GRAM, GRAM)).build(),
        "none": built(tokenizer.raw()).filter(tantivy.Filter.remove_long(1)).build(),
    }
    for name, analyzer in analyzers.items():
        index.register_tokenizer(name, analyzer)
        index.register_fast_field_tokenizer(name, built(tokenizer.raw()).build())


def documents(tasks: str) -> str:
    """Return the SQL for the rows `t` of a relation of tasks, as one, and the highest of their ids.

    The one is a JSON array of what `document` takes: sqlite3 lets go of the interpreter at every
    row, and may wait 5 ms to get it back beside a busy loop.
    """
    values = {
        "id": "t.id",
        "uuid": "t.uuid",
        **{name: f"t.{name}" for name in FACETS.values()},
        **{f"{name}_folded": folded(name) for name in VALUES},
        "retries_text_folded": "CAST(t.retries AS TEXT)",
        **{name: _grams(columns) for name, columns in GRAMS.items()},
        "pairs": "json('[' || substr(t.pairs, 2) || ']')",
        "has": _had(),
        **{name: _number(f"t.{name}") for name in NUMBERS},
        **{name: _number(made) for name, made in MADE.items()},
    }
    members = ", ".join(f"'{name}', {value}" for name, value in values.items())
    # A patch leaves out what is null, which the library does not take.
    starts = ", ".join(map(folded, STARTS))
    row = f"json_array(json_patch('{{}}', json_object({members})), t.uuid, {starts})"
    return f"SELECT json_group_array({row}), max(t.id) FROM {tasks}"


def document(row: Row) -> str:
    """Return a document with the starts of its task's id and of STARTS, as numbers."""
    text, uuid, *starts = row
    found = zip(STARTS, starts, strict=True)
    told = [f'"{name}_start":{start(text)}.0,' for name, text in found if text is not None]
    return f'{{"uuid_start":{start(uuid)},{"".join(told)}{bytes(text)[1:].decode()}'


def start(text: str) -> int:
    """Return a number for a text that is never larger than that of a text behind it."""
    return int.from_bytes(text.encode()[:8].ljust(8, b"\0")) >> 1


def _grams(columns: tuple[str, ...]) -> str:
    """Return the SQL for some texts as one, in which no gram is of two of them."""
    end = f"char({', '.join(str(ord(character)) for character in END)})"
    texts = " || ".join(f"coalesce({_looked_in(column)} || {end}, '')" for column in columns)
    return f"nullif({texts}, '')"


def _looked_in(column: str) -> str:
    """Return the SQL for what is looked in; that a root is itself is known of its own id."""
    text = folded(column)
    return f"nullif({text}, {folded('uuid')})" if column == "root_id" else text


def _had() -> str:
    had = [f"iif(t.{name} IS NULL, '', '{name} ')" for name in HAD]
    return " || ".join([*had, f"iif(t.uuid_folded IS NULL, '', '{CASED}')"])


def _number(value: str) -> str:
    """Return the SQL for a number as a text, to its last bit."""
    bounded = f"max(-{_LARGEST}, min({_LARGEST}, {value}))"
    return f"iif({value} IS NULL, NULL, printf('%!.17g', {bounded}))"
