import json

from flower_ng.store.tables.texts import MAX_NESTED, MAX_PARSED_CHARACTERS, pair_pattern, pairs


def test_the_pairs_of_a_row_stay_small_whatever_the_arguments_are():
    long = "k" * 100
    shapes = (
        {"a": list(range(800))},
        {long: {"b" * 20: {"c" * 2000: 1}}},
        {long: {str(number): number for number in range(300)}},
        {"a": [[[[[[[[[1]]]]]]]]] * 100},
    )

    for shape in shapes:
        kwargs = repr(shape)
        assert len(kwargs) <= MAX_PARSED_CHARACTERS
        found = pairs(kwargs)
        assert found is not None
        assert len(found) < 5 * MAX_PARSED_CHARACTERS
        assert len(json.loads(f"[{found[1:]}]")) <= 1 + MAX_NESTED


def test_what_dicts_and_lists_hold_follows_with_its_path():
    found = pairs("{'a': {'b': [1, {'C': None}], 'd': True}}")

    assert found is not None
    assert json.loads(f"[{found[1:]}]") == [
        "a={'b': [1, {'c': none}], 'd': true}",
        "a.d=true",
        "a.b.0=1",
        "a.b.1.c=",
    ]


def test_an_overlong_text_is_not_parsed_for_pairs():
    assert pairs("{'a': '%s'}" % ("x" * MAX_PARSED_CHARACTERS)) is None


def test_a_pair_is_not_found_inside_another():
    held = pairs("""{'"': ''}""")

    assert pair_pattern('"=') in held
    assert pair_pattern("=") not in held
