"""The page of problems, their marks on other pages, and the form that mutes one."""

from itertools import count

import pytest

from tests.health.making import NOW, Switch, watch
from tests.web.pages.shop import W1
from tests.web.site import OPEN_API


@pytest.fixture
def switch(shop):
    """A rule about workers that a test switches on; the cluster's watch looks through it."""
    it = Switch("worker-silent", title="Worker silent", advice="Look whether it runs.")
    shop.problems = watch(it, clock=count(NOW).__next__)
    return it


async def found(shop, switch, *subjects):
    switch.subjects = subjects or (W1,)
    await shop.problems.look()


def nav(html):
    return html.one("nav", aria_label="Pages")


@pytest.mark.usefixtures("switch")
async def test_where_nothing_is_wrong_it_says_how_much_was_looked_at(shop, look):
    await shop.problems.look()

    html = await look("/problems")

    assert "No problems" in html.text
    assert "1 check ran at" in html.text
    assert nav(html).links["Problems"] == "/problems"


async def test_before_the_first_look_nothing_is_called_well(look):
    assert "Starting up: problems appear soon" in (await look("/problems")).text


async def test_a_problem_shows_what_of_what_and_what_to_do(shop, look, switch):
    await found(shop, switch)

    html = await look("/problems")

    assert "Worker silent" in html.one("section", id="rule-worker-silent").one("h2").text
    assert "Look whether it runs." in html.text
    assert html.links[W1] == f"/worker/{W1}"
    assert nav(html).links["Problems 1"] == "/problems"


async def test_a_muted_problem_is_apart_and_not_counted(shop, look, serve, switch):
    await found(shop, switch)
    client = serve(cluster=shop, environ=OPEN_API)

    form = {"rule": "worker-silent", "subject": W1, "reason": "being moved", "for": "3600"}
    answer = await client.post("/do/problems/mute", form)

    html = await look("/problems")
    assert answer.status == 303
    assert "being moved" in html.text
    assert not any(h2.text.strip() == "Worker silent" for h2 in html.all("h2"))
    assert nav(html).links["Problems"] == "/problems"


async def test_what_is_over_is_listed_with_its_times(shop, look, switch):
    await found(shop, switch)
    switch.subjects = ()
    await shop.problems.look()

    html = await look("/problems")

    assert [row[:2] for row in html.rows] == [["Worker silent", W1]]


@pytest.mark.parametrize("path", [f"/worker/{W1}", "/overview"])
async def test_pages_of_what_is_concerned_carry_the_mark(shop, look, path):
    shop.beat()
    hoarding = Switch("worker-hoards", title="Tasks wait behind long ones")
    shop.problems = watch(hoarding)
    await found(shop, hoarding)

    html = await look(path)

    assert "Tasks wait behind long ones" in html.text
    assert any("/problems#rule-worker-hoards" in (a["href"] or "") for a in html.all("a"))


async def test_a_started_task_of_a_worker_that_is_gone_is_probably_lost(shop, look):
    shop.health.doubt = lambda _uuid, worker: f"Probably lost with {worker}"
    shop.task("5eed", ends="task-started")
    shop.task("done")

    assert f"Probably lost with {W1}" in (await look("/task/5eed")).text
    assert "Probably lost" not in (await look("/task/done")).text


async def test_without_open_controls_nothing_can_be_muted(shop, look, switch):
    await found(shop, switch)

    html = await look("/problems", environ={})

    assert html.all("form", action="/do/problems/mute") == []
