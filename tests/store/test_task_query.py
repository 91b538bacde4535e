import pytest

from flower_ng.store import TaskQuery, parse_search
from flower_ng.store.task_query import lifted


@pytest.mark.parametrize(
    ("search", "rest", "filters"),
    [
        ("state:FAILURE", "", {"state": "failure"}),
        ("state:FAILURE abc", "abc", {"state": "failure"}),
        ("abc (queue:=hi state:x) def", "abc def", {"queue": "hi", "state": "x"}),
        ("state:a state:b", "state:b", {"state": "a"}),
        ("name:=x worker:=y", "", {"name": "x", "worker": "y"}),
        ("name:shop", "name:shop", {}),
        ("-state:FAILURE", "-state:FAILURE", {}),
        ("state:a OR state:b", "state:a OR state:b", {}),
        ("id:=x", "id:=x", {}),
    ],
)
def test_whole_values_become_filters(search, rest, filters):
    query = TaskQuery(search=parse_search(search), limit=3)

    assert lifted(query) == TaskQuery(search=parse_search(rest), limit=3, **filters)


def test_a_filter_that_is_taken_stays():
    query = TaskQuery(search=parse_search("state:FAILURE"), state="SUCCESS")

    assert lifted(query) == query
