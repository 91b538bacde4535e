"""Links: the addresses of pages and forms, for any name."""

from urllib.parse import unquote

import pytest

from flower_ng.web.ui.links import Links, segment, text_of


@pytest.mark.parametrize(
    "name",
    [
        "w1@box", "a/b", "a%2Fb", "a?b#c", "ü ☃", '"><x>', "a+b&c;d", ".", "..", "../../etc",
        "a/./b", "%2E", "%2e%2E", "%252E.", "a/%2E%2E/b", "...", "a..b", "..a", "%2Ex", "2E",
    ],
)  # fmt: skip
def test_a_segment_gives_back_any_text(name):
    assert text_of(unquote(segment(name))) == name
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


@pytest.mark.parametrize("name", [".", "..", "../../etc", "a/../b", "%2E%2E"])
def test_no_step_up_or_down_is_left_for_a_browser_or_a_proxy(name):
    for_browsers = segment(name).upper().replace("%2E", ".").split("/")  # to them they are one
    for_proxies = unquote(segment(name)).split("/")

    assert not {*for_browsers, *for_proxies} & {".", ".."}
