import pytest

from flower_ng.store import parse_search
from flower_ng.store.search.conditions import WORD_COLUMNS
from flower_ng.store.sql.literals import Every, Literal, Some, literals

COVERED = WORD_COLUMNS


def anywhere(text):
    return Literal(text, WORD_COLUMNS)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", None),
        ("Abc", anywhere("abc")),
        ("abc def", Every((anywhere("abc"), anywhere("def")))),
        ("abc OR def", Some((anywhere("abc"), anywhere("def")))),
        ("abc retries:3", Every((anywhere("abc"),))),
        ("abc OR retries:3", None),
        ("-abc", None),
        ("-abc def", Every((anywhere("def"),))),
        ("NOT (abc OR -def)", None),
        ("name:shop.*", Literal("shop.", ("name", "original_name"))),
        ("name:s*", None),
        ("exception:Timeout", Literal("timeout", ("exception",))),
        ("queue:mail", None),
        ("state:FAILURE", Literal("failure", ("state",))),
        ("runtime:>5", None),
        ("has:exception", None),
        ("kwargs:a=b", None),
    ],
)
def test_a_search_needs_texts_in_the_columns_of_an_index(text, needed):
    assert literals(parse_search(text), COVERED) == needed


def test_a_column_out_of_the_index_makes_every_task_a_candidate():
    assert literals(parse_search("abc"), COVERED[1:]) is None


def test_the_texts_of_pairs_are_as_they_are_written_there():
    found = parse_search(r'kwargs.a:"x\"y"'), parse_search("kwargs.a:x*")

    assert literals(found[0], {"pairs"}) == Literal(r',"a=x\"y"', ("pairs",))
    assert literals(found[1], {"pairs"}) == Literal(',"a=x', ("pairs",))
