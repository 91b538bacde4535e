import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.errors import SearchError
from flower_ng.search.conditions import (
    AllOf,
    AnyOf,
    Begins,
    Compare,
    Has,
    HasPair,
    InField,
    Is,
    Not,
    Word,
)
from flower_ng.search.fields import FIELDS, IS
from flower_ng.search.parser import MAX_CHARACTERS, parse_search


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        (" \t\n ", None),
        ("abc", Word("abc")),
        ("Straße", Word("strasse")),
        ("abc def", AllOf((Word("abc"), Word("def")))),
        ("abc AND def", AllOf((Word("abc"), Word("def")))),
        ("abc and def", AllOf((Word("abc"), Word("and"), Word("def")))),
        ("abc OR def ghi", AnyOf((Word("abc"), AllOf((Word("def"), Word("ghi")))))),
        ("(abc OR def) ghi", AllOf((AnyOf((Word("abc"), Word("def"))), Word("ghi")))),
        ("abc(def)", AllOf((Word("abc"), Word("def")))),
        ("abc AND(def)", AllOf((Word("abc"), Word("def")))),
        ('"a b (c)"', Word("a b (c)")),
        ('" padded "', Word(" padded ")),
        ('"AND"', Word("and")),
        ('"NOT"', Word("not")),
        ('AND"x"', Word("andx")),
        ('abc"(def)"', Word("abc(def)")),
        (r"a\"b", Word('a"b')),
        (r'"ab\"c"', Word('ab"c')),
        ("a", Word("a")),
        ("李", Word("李")),
        ("ß", Word("ss")),
        ('"a  "', Word("a  ")),
        ("name:ab", InField("name", "ab")),
        ("-ab", Not(Word("ab"))),
        (r'"ab\\"', AnyOf((Word("ab\\"), Word("ab\\\\")))),
        (r"C:\new", AnyOf((Word(r"c:\new"), Word("c:\new"), Word(r"c:\\new")))),
        ("O'B", AnyOf((Word("o'b"), Word(r"o\'b")))),
        ("args:O'B", AnyOf((InField("args", "o'b"), InField("args", r"o\'b")))),
        ("worker:O'B", InField("worker", "o'b")),
        ("state:Success", Is("state", "success")),
        ("STATE:x", Is("state", "x")),
        ("name:Shop", InField("name", "shop")),
        ('result:"a b"', InField("result", "a b")),
        ("name:-abc", InField("name", "-abc")),
        ("unknown:abc", Word("unknown:abc")),
        ('"name:a b c"', InField("name", "a b c")),
        ('"received: 5"', Word("received: 5")),
        ('rec"eived:5"', Word("received:5")),
        ("kwargs:abc", InField("kwargs", "abc")),
        ("kwargs:Key=Value", HasPair("key=value")),
        ('kwargs:" key = a value "', HasPair("key=a value")),
        ("kwargs:a=", HasPair("a=")),
        ("kwargs:a=b=c", HasPair("a=b=c")),
        ("args:a=b", InField("args", "a=b")),
    ],
)
def test_a_search_text_means(text, found):
    assert parse_search(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-abc", Not(Word("abc"))),
        ("NOT abc", Not(Word("abc"))),
        ("not abc", AllOf((Word("not"), Word("abc")))),
        ("NOT NOT abc", Word("abc")),
        ("NOT -abc", Word("abc")),
        ("abc NOT def", AllOf((Word("abc"), Not(Word("def"))))),
        ("abc AND NOT def", AllOf((Word("abc"), Not(Word("def"))))),
        ("NOT abc OR def", AnyOf((Not(Word("abc")), Word("def")))),
        ("-state:FAILURE", Not(Is("state", "failure"))),
        ("-(abc def)", Not(AllOf((Word("abc"), Word("def"))))),
        ("NOT(abc)", Not(Word("abc"))),
        ("abc-(def)", AllOf((Word("abc-"), Word("def")))),
        ('-"abc def"', Not(Word("abc def"))),
        ('"-abc"', Word("-abc")),
        (r"\"-abc", Word('"-abc')),
        ("abc-def", Word("abc-def")),
        ("name:-abc", InField("name", "-abc")),
    ],
)
def test_not_and_a_dash_negate(text, found):
    assert parse_search(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * 2049, "Query exceeds 2048 characters."),
        ("abc " * 129, "Query exceeds 128 tokens."),
        ("((((((abc))))))", "Query nesting exceeds 5 levels at position 5."),
        ('"abc', "Unterminated quoted phrase at position 0."),
        ('abc"def', "Unterminated quoted phrase at position 0."),
        (r'"ab\"', "Unterminated quoted phrase at position 0."),
        ('abc ""', "Empty search term at position 4."),
        ("( )", "Empty group at position 0."),
        ("(abc", "Missing closing parenthesis at position 0."),
        ("( abc AND ( def OR ghi", "Missing closing parenthesis at position 10."),
        ("abc)", "Unexpected ')' at position 3."),
        (")", "Expected a search term at position 0."),
        ("AND abc", "Expected a search term at position 0."),
        ("(AND abc)", "Expected a search term at position 1."),
        ("abc (", "Expected a search term at position 5."),
        ("abc AND", "AND must be followed by a search term at position 4."),
        ("abc AND OR def", "AND must be followed by a search term at position 4."),
        ("(abc OR )", "OR must be followed by a search term at position 5."),
        ("abc NOT", "NOT must be followed by a search term at position 4."),
        ("NOT AND abc", "NOT must be followed by a search term at position 0."),
        ("(NOT )", "NOT must be followed by a search term at position 1."),
        ("abc -", "'-' must be followed by a search term at position 4."),
        ("--abc", "'-' must be followed by a search term at position 0."),
        ('-""', "'-' must be followed by a search term at position 0."),
        ("abc -( )", "Empty group at position 5."),
        ("state:", "Search qualifier requires a value at position 0."),
        ('name:""', "Search qualifier requires a value at position 0."),
        ("name:(abc)", "Search qualifier requires a value at position 0."),
        ('"   "', "Empty search term at position 0."),
        ('abc name:" "', "Empty search term at position 4."),
    ],
)
def test_a_wrong_search_text_says_what_and_where(text, message):
    with pytest.raises(SearchError) as raised:
        parse_search(text)

    assert raised.value.message == message


def test_the_limits_themselves_are_allowed():
    assert parse_search("a" * 2048) is not None
    assert parse_search("abc " * 128) is not None
    assert parse_search("(((((abc)))))") == Word("abc")


def test_a_hostile_text_is_parsed_in_no_time():
    with pytest.raises(SearchError):
        parse_search('"' + '\\"' * 1000)


AT = 1_795_132_800.0  # 2026-11-20T00:00:00Z
DAY = 86_400.0


def period(quantity, start, end, base="zero"):
    return AllOf((Compare(quantity, ">=", start, base), Compare(quantity, "<", end, base)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("queue:Mails", InField("queue", "mails")),
        ("queue:=hi", Is("queue", "hi")),
        ("queue:h*", Begins("queue", "h")),
        ("queue:*", Has("queue")),
        ("name:shop.*", Begins("name", "shop.")),
        ('name:"shop.*"', InField("name", "shop.*")),
        ("result:5.0*", InField("result", "5.0*")),
        ("exception:Timeout", InField("exception", "timeout")),
        ("id:9b2", InField("uuid", "9b2")),
        ("UUID:=9B", Is("uuid", "9b")),
        ("parent:abc", InField("parent_id", "abc")),
        ("root:abc*", Begins("root_id", "abc")),
        ("has:exception", Has("exception")),
        ("is:retried", Compare("retries", ">", 0)),
    ],
)
def test_a_field_of_text_means(text, found):
    assert parse_search(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kwargs.order.id:7", HasPair("order.id=7")),
        ("kwargs.Order.ID:A", HasPair("order.id=a")),
        ('kwargs.note:" a b "', HasPair("note=a b")),
        ('kwargs.note:">5"', HasPair("note=>5")),
        ("kwargs.note:ab*", HasPair("note=ab", is_whole=False)),
        ("kwargs.note:*", HasPair("note=", is_whole=False)),
        ("kwargs.:abc", Word("kwargs.:abc")),
    ],
)
def test_the_path_of_a_keyword_argument_means(text, found):
    assert parse_search(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("retries:3", period("retries", 3, 4)),
        ("retries:>2", Compare("retries", ">=", 3)),
        ("retries:<=2", Compare("retries", "<", 3)),
        ("retries:1..2", period("retries", 1, 3)),
        ("runtime:>5", Compare("runtime", ">", 5)),
        ("runtime:>=1.5h", Compare("runtime", ">=", 5400)),
        ("runtime:<1m30s", Compare("runtime", "<", 90)),
        ("runtime:<=250ms", Compare("runtime", "<=", 0.25)),
        ('runtime:<"250.00 ms"', Compare("runtime", "<", 0.25)),
        ('runtime:>"1h 02m 03s"', Compare("runtime", ">", 3723)),
        ('wait:>"5 min"', Compare("wait", ">", 300)),
        (
            "runtime:1..5m",
            AllOf((Compare("runtime", ">=", 1), Compare("runtime", "<=", 300))),
        ),
        ("runtime:..5", Compare("runtime", "<=", 5)),
        ("running:>1h", AllOf((IS["running"], Compare("runtime", ">", 3600)))),
        ("wait:>60", Compare("wait", ">", 60)),
        ("wait:1d..", Compare("wait", ">=", DAY)),
    ],
)
def test_a_number_means(text, found):
    assert parse_search(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("received:2026-11-20", period("received", AT, AT + DAY)),
        ("received:2026-11-20..", Compare("received", ">=", AT)),
        ("received:..2026-11-20", Compare("received", "<", AT + DAY)),
        ("received:2026-11-20..2026-11-21", period("received", AT, AT + 2 * DAY)),
        ("received:>2026-11-20", Compare("received", ">=", AT + DAY)),
        ("received:<2026-11-20", Compare("received", "<", AT)),
        ("received:2026-12", period("received", AT + 11 * DAY, AT + 42 * DAY)),
        ("received:>2026", Compare("received", ">=", AT + 42 * DAY)),
        ("started:2026-11-20T10", period("started", AT + 36_000, AT + 39_600)),
        ("started:2026-11-20T10:30", period("started", AT + 37_800, AT + 37_860)),
        ('started:"2026-11-20 10:30:05"', period("started", AT + 37_805, AT + 37_806)),
        ("started:>=2026-11-20T10:30:05.25", Compare("started", ">=", AT + 37_805.25)),
        ("sent:>=2026-11-20T10:30+02:00", Compare("sent", ">=", AT + 30_600)),
        ("sent:>=2026-11-20T10:30-0130", Compare("sent", ">=", AT + 43_200)),
        ("sent:>=2026-11-20t10:30z", Compare("sent", ">=", AT + 37_800)),
        ('sent:>="2026-11-20 10:30:00.250 +02:00"', Compare("sent", ">=", AT + 30_600.25)),
        ("finished:-1h..", Compare("finished", ">=", -3600, "now")),
        ("finished:>-1h30m", Compare("finished", ">", -5400, "now")),
        (
            "finished:-2h..-1h",
            AllOf(
                (Compare("finished", ">=", -7200, "now"), Compare("finished", "<=", -3600, "now"))
            ),
        ),
        ("updated:<now", Compare("timestamp", "<", 0, "now")),
        ("received:today", period("received", 0, DAY, "today")),
        ("received:yesterday..", Compare("received", ">=", -DAY, "today")),
        (
            "received:2026-11-20..now",
            AllOf((Compare("received", ">=", AT), Compare("received", "<=", 0, "now"))),
        ),
    ],
)
def test_a_time_means(text, found):
    assert parse_search(text) == found


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("runtime:fast", "Expected a duration, not 'fast' at position 8.", "Write runtime:>5, "),
        ("abc -runtime:>", "Expected a duration at position 13.", "Write runtime:>5, "),
        ("runtime:5", "Expected '<', '>' or a range at position 8.", "Write runtime:>5, "),
        ("runtime:..", "The range has no end at position 8.", "Write runtime:>5, "),
        ("runtime:5..1", "The range ends before it begins at position 8.", "Write runtime:>5, "),
        ("wait:>5y", "Expected a duration, not '5y' at position 5.", "Write wait:>5, "),
        ("wait:>٣", "Expected a duration, not '٣' at position 5.", "Write wait:>5, "),
        ("retries:>1.5", "Expected a whole number, not '1.5' at position 8.", "Write retries:3, "),
        ("retries:-1", "Expected a whole number, not '-1' at position 8.", "Write retries:3, "),
        ("sent:2026-02-30", "Expected a time, not '2026-02-30' at position 5.", "Write sent:2026"),
        ("sent:>0000", "Expected a time, not '0000' at position 5.", "Write sent:2026"),
        ("sent:>9999", "Expected a time, not '9999' at position 5.", "Write sent:2026"),
        ("sent:-1h", "Expected '<', '>' or a range at position 5.", "Write sent:2026"),
        ("has:nothing", "Unknown 'nothing' at position 4.", "Write has:name, "),
        (
            "kwargs.id:>5",
            "Keyword arguments cannot be compared at position 10.",
            "They are kept as text",
        ),
        ("queue:", "Search qualifier requires a value at position 0.", "Write queue: and "),
        ("(abc", "Missing closing parenthesis at position 0.", "Parentheses group words"),
    ],
)
def test_a_wrong_value_says_where_it_stands_and_what_to_write(text, message, hint):
    with pytest.raises(SearchError) as raised:
        parse_search(text)

    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)


PIECES = st.sampled_from(
    ['"', "\\", "(", ")", "-", ":", "=", "*", "..", ">", "<", " ", "AND", "OR", "NOT", "abc", "1h"]
    + [f"{field.name}:" for field in FIELDS]
    + ["2026-11-20", "9999-12-31", "0001-01-01T00:00+23:59", "999999999w", "kwargs.a.b:", "ß", "\0"]
)


@given(st.lists(PIECES | st.text(max_size=4), max_size=60).map("".join))
def test_any_text_is_a_search_or_a_search_error_that_names_a_place(text):
    position = None
    try:
        parse_search(text)
    except SearchError as error:
        position = error.position

    assert position is None or 0 <= position <= len(text)


@pytest.mark.parametrize(
    "piece",
    ['\\"', '"a" ', "-(", "(", "1m", "abc:", "-", "1h..", '"', "0", " NOT", "*", "\\", "OR "],
)
@pytest.mark.parametrize("start", ["", '"', "runtime:>", "sent:", "kwargs.a:", "name:=", "-"])
def test_the_longest_text_of_any_shape_takes_no_time(start, piece):
    text = (start + piece * MAX_CHARACTERS)[:MAX_CHARACTERS]
    began = time.process_time()

    with suppress(SearchError):
        parse_search(text)

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_example_of_every_field_and_its_other_names_can_be_searched(field):
    value = field.example.partition(":")[2]

    for name in (field.name, field.name.upper(), *field.aliases):
        found = parse_search(f"{name}:{value}")
        assert found is not None
        assert not isinstance(found, Word)
    for form in field.kind.forms:
        assert parse_search(f"{field.name}:{form}") is not None
