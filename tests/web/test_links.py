"""Links: the addresses of pages and forms, for any name."""

from urllib.parse import unquote

import pytest

from flower_ng.web.links import Links, segment


@pytest.mark.parametrize("name", ["w1@box", "a/b", "a%2Fb", "a?b#c", "ü ☃", '"><x>', "a+b&c;d"])
def test_a_segment_gives_back_any_text(name):
    assert unquote(segment(name)) == name
    assert not set(segment(name)) & set('/?#"<> &')


def test_the_usual_names_stay_readable():
    assert Links("").worker("celery@web-1.example") == "/worker/celery@web-1.example"


def test_all_carry_the_prefix():
    links = Links("/flower")

    assert links.task("a/b") == "/flower/task/a%2Fb"
    assert links.tasks(state="FAILURE", worker=None) == "/flower/tasks?state=FAILURE"
    assert links.tasks() == "/flower/tasks"
    assert links.action("workers") == "/flower/do/workers"
    assert links.action("worker/shutdown", "w@b") == "/flower/do/worker/shutdown/w@b"


def test_a_form_comes_back_to_its_tab():
    assert Links("").action("task/timeout", "t", "tab-limits") == "/do/task/timeout/t#tab-limits"
