"""What the search field offers while somebody writes."""

import pytest

from flower_ng.store import fields, parse_search
from flower_ng.web.pages.tasks.complete import suggestions
from tests.web.pages.shop import Shop

COUNTS = {"shop.pay": 20_000, "shop.send mail": 3, "pay.later": 1}


def offered(word, counts=COUNTS):
    return [one.text for one in suggestions(word, fields(), counts)]


def test_fields_that_begin_so_come_first():
    assert offered("re")[:3] == ["result:", "retries:", "received:"]
    assert offered("TIME") == ["runtime:"]
    assert offered("nothing") == []


def test_values_are_whole_and_quoted_where_they_must_be():
    assert offered("name:pay") == ["name:=pay.later", "name:=shop.pay"]
    assert offered('name:="send') == ['name:="shop.send mail"']


def test_values_say_how_many_tasks_have_them():
    hints = [one.hint for one in suggestions("name:", fields(), COUNTS)]

    assert hints == ["20k", "3", "1"]


def test_states_and_kinds_are_offered_without_any_task():
    assert offered("state:re", {})[:2] == ["state:RECEIVED", "state:RETRY"]
    assert offered("is:f", {}) == ["is:finished", "is:failed", "is:from-backend", "is:inferred"]


def test_forms_of_times_and_amounts_are_offered_before_anything_is_written():
    assert "received:-1h.." in offered("received:", {})
    assert offered("received:-", {}) == []


@pytest.mark.parametrize("field", [field.name for field in fields()])
def test_what_is_offered_is_a_search(field):
    for text in offered(f"{field}:", {}):
        assert parse_search(text) is not None


async def test_values_of_the_tasks_that_are_known_are_offered(serve):
    shop = Shop()
    shop.store.start()
    shop.task("5eed", queue="mail")

    answer = await serve(cluster=shop).get("/tasks/complete?word=worker:w")

    assert answer.json == {"suggestions": [{"text": "worker:=w1@box", "hint": "1"}]}
    shop.store.stop()
