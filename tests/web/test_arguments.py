import pytest

from flower_ng.errors import BadRequest
from flower_ng.web.http.arguments import parse, truth


@pytest.mark.parametrize("word", ["y", "yes", "t", "true", "on", "1", "TRUE", " Yes "])
def test_a_yes_has_six_spellings_in_any_case(word):
    assert truth(word) is True


@pytest.mark.parametrize("word", ["n", "no", "f", "false", "off", "0", "OFF"])
def test_a_no_has_six_spellings_in_any_case(word):
    assert truth(word) is False


@pytest.mark.parametrize(
    ("value", "kind", "parsed"), [("-7", int, -7), ("1.5", float, 1.5), ("on", bool, True)]
)
def test_a_value_becomes_its_type(value, kind, parsed):
    assert parse(value, kind) == parsed


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        ("abc", int, "int"),
        ("1e3", int, "int"),
        ("", int, "int"),
        ("9" * 5000, int, "int"),
        ("", float, "float"),
        ("nan", float, "float"),
        ("inf", float, "float"),
        ("", bool, "bool"),
        ("maybe", bool, "bool"),
        ("<b>", bool, "bool"),
    ],
)
def test_a_value_of_another_type_is_named_in_the_error(value, kind, name):
    with pytest.raises(BadRequest) as caught:
        parse(value, kind)

    assert caught.value.message == f"Invalid argument '{value}' of type '{name}'"
