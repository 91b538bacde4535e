import pytest

from flower_ng.errors import SearchError
from flower_ng.store.search import (
    AllOf,
    AnyOf,
    HasPair,
    InField,
    IsState,
    Word,
    parse_search,
)


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
        (r'"ab\\"', Word("ab\\")),
        (r"C:\new", Word(r"c:\new")),
        ("state:Success", IsState("success")),
        ("STATE:x", IsState("x")),
        ("name:Shop", InField("name", "shop")),
        ('result:"a b"', InField("result", "a b")),
        ("name:-abc", InField("name", "-abc")),
        ("retries:3", Word("retries:3")),
        ("uuid:abc", Word("uuid:abc")),
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
        ("abc NOT def", "NOT is not supported at position 4."),
        ("abc AND NOT def", "NOT is not supported at position 8."),
        ("abc -def", "Negation with '-' is not supported at position 4."),
        ('"-abc"', "Negation with '-' is not supported at position 0."),
        ("state:", "Search qualifier requires a value at position 0."),
        ('name:""', "Search qualifier requires a value at position 0."),
        ("name:(abc)", "Search qualifier requires a value at position 0."),
        ("ab", "Substring search terms must contain at least 3 characters at position 0."),
        ("abc ß", "Substring search terms must contain at least 3 characters at position 4."),
        ('"a  "', "Substring search terms must contain at least 3 characters at position 0."),
        ("name:ab", "Substring search terms must contain at least 3 characters at position 0."),
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
