"""The Workers page: who is there, how busy, with what success."""

import pytest

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from tests.web.pages.shop import NOW, W1
from tests.web.pages.test_worker import ANSWERS, STATS
from tests.web.site import OPEN_API

RECT = "{http://www.w3.org/2000/svg}rect"


def card(html, label):
    (found,) = [card for card in html.all("a", class_="card") if label in card.text]
    return found.one("strong").text


async def test_each_worker_is_a_row_of_what_it_did(shop, look):
    shop.beat(active=2)
    shop.task("a")
    shop.task("b", ends="task-failed", exception="ValueError()")

    html = await look("/workers")

    assert html.rows == [[W1, "Online", "2", "2", "1", "1", "0.50 0.25 0.12", *["–"] * 4, "now"]]
    assert [h.text for h in html.one("thead").all("th")] == [
        "Worker", "Status", "Active", "Processed", "Failed", "Succeeded", "Load Average",
        "Memory", "Uptime", "Queues", "Celery", "Heartbeat",
    ]  # fmt: skip


async def test_a_failure_that_is_told_twice_is_one_on_both_pages(shop, look):
    """What Celery sends at a hard time limit (a recorded sequence), told again after that."""
    shop.beat()
    shop.task("a", ends="task-failed", exception="TimeLimitExceeded(1)")
    shop.now += 0.25
    for _ in range(2):
        shop.happen("task-failed", uuid="a", exception="TimeLimitExceeded(1)")
    shop.happen("task-received", uuid="a", timestamp=NOW, name="shop.pay")

    html = await look("/workers")

    assert html.rows[0][3:6] == ["1", "1", "0"]
    assert card(html, "Failed") == "1"
    assert (await look(f"/worker/{W1}")).facts["Failed"] == "1"
    assert shop.state.counter[W1]["task-failed"] == 3


async def test_the_front_page_is_the_same(shop, look):
    shop.beat()

    assert (await look("/")).rows == (await look("/workers")).rows
    assert (await look("/")).one("title").text == "Workers · flower_ng"


async def test_each_number_leads_to_the_tasks_that_it_counts(shop, look):
    shop.beat(active=7)
    shop.task("a")
    for uuid in "bcd":
        shop.task(uuid, ends="task-failed")

    links = (await look("/workers")).one("tbody").links

    assert links == {
        W1: "/worker/w1@box",
        "7": "/tasks?worker=w1%40box&search=is%3Arunning",
        "4": "/tasks?worker=w1%40box",
        "3": "/tasks?worker=w1%40box&state=FAILURE",
        "1": "/tasks?worker=w1%40box&state=SUCCESS",
    }


async def test_a_zero_leads_nowhere(shop, look):
    shop.beat(active=0)

    assert list((await look("/workers")).one("tbody").links) == [W1]


async def test_cards_and_totals_add_the_workers_up(shop, look):
    shop.beat(active=2)
    shop.beat("w2@box", active=3)
    shop.task("a")
    shop.task("b", hostname="w2@box")

    html = await look("/workers")

    assert (card(html, "Online"), card(html, "Active")) == ("2", "5")
    assert (card(html, "Succeeded"), card(html, "Failed")) == ("2", "0")
    totals = [cell.text for cell in html.one("tfoot").all("td")]
    assert totals == ["2 of 2 online", "5", "2", "0", "2", ""]
    assert html.one("tfoot").links["5"] == "/tasks?search=is%3Arunning"


async def test_of_an_offline_worker_nothing_is_claimed_to_be_so_now(shop, look):
    shop.now = NOW - 60
    shop.beat(active=2)
    shop.now = NOW

    html = await look("/workers")

    assert html.rows == [[W1, "Silent", "–", "0", "0", "0", *["–"] * 5, "1 min ago"]]
    assert html.one("tbody").one("tr")["class"] == "gone"
    assert (card(html, "Online"), card(html, "Active")) == ("0", "0")


async def test_a_worker_that_does_not_tell_how_busy_it_is_breaks_no_sum(shop, look):
    shop.happen("worker-online", freq=2)
    shop.beat("w2@box", active=3)

    html = await look("/workers")

    assert [row[2] for row in html.rows] == ["–", "3"]
    assert card(html, "Active") == "3"


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["w2@box", "w9@box", "w10@box"]),
        ("-name", ["w10@box", "w9@box", "w2@box"]),
        ("active", ["w9@box", "w10@box", "w2@box"]),
        ("-active", ["w10@box", "w9@box", "w2@box"]),
        ("-status", ["w9@box", "w10@box", "w2@box"]),
        ("load", ["w9@box", "w10@box", "w2@box"]),
        ("nonsense", ["w2@box", "w9@box", "w10@box"]),
    ],
)
async def test_rows_sort_by_any_column_and_the_unknown_comes_last(shop, look, sort, names):
    shop.now = NOW - 60
    shop.beat("w2@box", active=5)
    shop.now = NOW
    shop.beat("w10@box", active=5)
    shop.beat("w9@box", active=1)

    assert [row[0] for row in (await look(f"/workers?sort={sort}")).rows] == names


async def test_a_heading_sorts_and_a_second_click_turns_the_order_round(shop, look):
    shop.beat()

    links = (await look("/workers?sort=-active")).one("thead").links

    assert links["Active"] == "/workers?sort=active"
    assert links["Failed"] == "/workers?sort=-failed"
    sorted_by = (await look("/workers?sort=-active")).one("th", aria_sort="descending")
    assert sorted_by.text == "Active"


async def test_a_part_of_a_name_finds_workers(shop, look):
    shop.beat()
    shop.beat("Mail@box")

    html = await look("/workers?search=mail")

    assert [row[0] for row in html.rows] == ["Mail@box"]
    assert html.one("input", id="search")["value"] == "mail"
    assert card(html, "Online") == "2"


async def test_a_name_that_nobody_has_is_said_so(shop, look):
    shop.beat()

    html = await look("/workers?search=<none>")

    assert "No worker matches “<none>”" in html.one("main").text
    assert html.one("main").links["Show all 1 workers"] == "/workers"


async def test_many_workers_come_in_pages(shop, look):
    for number in range(60):
        shop.beat(f"w{number}@box")

    first, second = await look("/workers"), await look("/workers?page=2")

    assert (len(first.rows), len(second.rows)) == (50, 10)
    assert first.one("nav", class_="pager").links["Next"] == "/workers?page=2"
    assert second.rows[0][0] == "w50@box"


async def test_a_cluster_without_workers_says_what_to_do(look):
    html = await look("/workers")

    assert "No workers yet" in html.one("main").text
    assert "celery -A yourproject worker" in html.one("main").text


async def test_rows_come_as_json_too(serve, shop):
    shop.beat(pid=7)
    client = serve(cluster=shop)

    for path in ("/?json=1", "/workers?json=true"):
        (row,) = (await client.get(path)).json["data"]
        assert (row["hostname"], row["pid"], row["status"]) == (W1, 7, True)


@pytest.mark.parametrize("query", ["json=maybe", "refresh=", "page=x", "size=x", "autorefresh=x"])
async def test_a_wrong_argument_is_400(serve, shop, query):
    assert (await serve(cluster=shop).get(f"/workers?{query}")).status == 400


async def test_a_refresh_begins_an_inspection_of_all_and_waits_for_none(shop, look):
    shop.inspector.is_silent = True

    await look("/workers?refresh=1")
    await look("/workers")

    assert shop.inspector.asked == [None]


async def test_workers_that_are_offline_for_too_long_are_not_shown(shop, look):
    shop.now = NOW - 60
    shop.beat()
    shop.now = NOW
    shop.beat("w2@box")

    shop.presence.purge_after_s = 30

    html = await look("/workers")

    assert [row[0] for row in html.rows] == ["w2@box"]


@pytest.mark.parametrize(
    ("query", "options", "every"),
    [("", {}, "1"), ("?autorefresh=5", {}, "5"), ("", {"auto_refresh": False}, "")],
)
async def test_the_page_follows_the_cluster_as_often_as_it_is_told(look, query, options, every):
    html = await look(f"/workers{query}", **options)

    assert html.one("f-live")["data-every"] == every


async def test_refreshing_is_a_form_that_is_shut_with_the_api_and_absent_in_read_only(shop, look):
    shop.beat()

    is_open = await look("/workers")
    is_shut = await look("/workers", environ={})
    is_read_only = await look("/workers", environ=OPEN_API, read_only=True)

    assert [form["action"] for form in is_open.all("form", method="post")] == ["/do/workers"]
    assert "disabled" in is_shut.one("form", method="post").one("button")
    assert is_read_only.all("form", method="post") == []


async def test_every_link_carries_the_prefix(shop, look):
    shop.beat()

    html = await look("/flower/workers", url_prefix="flower")

    own = [link["href"] for link in html.all("a") if not (link["href"] or "").startswith("http")]
    assert [href for href in own if not (href or "").startswith(("/flower/", "#"))] == []
    assert [form["action"] for form in html.all("form")] == [
        "/flower/workers",
        "/flower/do/workers",
    ]


def answers(*queues, slots=4):
    """What a Linux worker with this many slots and these queues answers."""
    pool = {"max-concurrency": slots}
    stats = STATS | {"pool": pool, "uptime": 3600, "rusage": {"maxrss": 50_000}}
    return ANSWERS | {"stats": stats, "active_queues": [{"name": queue} for queue in queues]}


async def test_what_a_worker_answers_stands_beside_what_it_did(shop, look):
    shop.beat(active=3, sw_ident="py-celery", sw_ver="5.7.0", sw_sys="Linux")
    shop.inspector.workers = {W1: answers("mail", "pay", "stock", "rest")}
    shop.inspector.aged_s = {"stats": 7200.0}

    (row,) = (await look("/workers")).rows

    assert row[2] == "3 of 8"
    assert row[7:11] == ["51.2 MB", "3 h", "mail, pay, stock +1", "5.7.0"]


async def test_how_busy_the_workers_are_is_a_bar_of_their_slots(shop, look):
    shop.beat(active=3)
    shop.beat("w2@box", active=0)
    shop.inspector.workers = {W1: answers(slots=4), "w2@box": answers(slots=8)}

    html = await look("/workers")

    assert [bar["width"] for bar in html.one("tbody").all(RECT)] == ["38", "0"]
    assert html.one("tfoot").one(RECT)["width"] == "19"
    assert html.one("tfoot").all("td")[1].text == "3 of 16"


async def test_the_worker_whose_slots_are_busiest_is_first(shop, look):
    shop.beat(active=3)
    shop.beat("w2@box", active=2)
    shop.beat("w3@box", active=9)
    shop.inspector.workers = {W1: answers(slots=24), "w2@box": answers(slots=8)}

    html = await look("/workers?sort=-active")

    assert [row[0] for row in html.rows] == ["w2@box", W1, "w3@box"]


async def test_a_worker_that_says_nonsense_of_itself_is_shown_with_what_is_known(shop, look):
    shop.beat(sw_sys="Linux")
    nonsense = {"pool": 7, "rusage": {"maxrss": "much"}, "uptime": "long"}
    shop.inspector.workers = {W1: {"stats": nonsense, "active_queues": ["x", {"alias": 1}]}}
    shop.inspector.aged_s = {"stats": 0.0}

    (row,) = (await look("/workers")).rows

    assert (row[2], row[7:10]) == ("1", ["–", "–", "–"])


async def test_memory_in_unknown_units_is_not_told(shop, look):
    shop.beat(sw_sys="Darwin")
    shop.inspector.workers = {W1: answers()}

    assert (await look("/workers")).rows[0][7] == "–"


async def test_workers_are_grouped_by_their_host_with_its_sums(shop, look):
    for name in ("a@two", "b@one", "c@two"):
        shop.beat(name, active=2)

    html = await look("/workers?group=host")

    groups = [[row.text for row in body.all("th")] for body in html.all("tbody")]
    assert groups == [
        ["one 1 of 1 online · 2 active", "b@one"],
        ["two 2 of 2 online · 4 active", "a@two", "c@two"],
    ]


async def test_a_worker_of_two_queues_is_in_both_groups_and_counted_once(shop, look):
    shop.beat("a@box")
    shop.beat("b@box")
    shop.inspector.workers = {"a@box": answers("pay", "mail")}

    html = await look("/workers?group=queue")

    groups = [[row.text for row in body.all("th")][1:] for body in html.all("tbody")]
    assert groups == [["a@box"], ["b@box"], ["a@box"]]
    assert html.all("tbody")[1].all("th")[0].text.startswith("No queues reported")
    assert html.one("tfoot").all("td")[0].text == "2 of 2 online"


async def test_a_group_stays_when_one_sorts(shop, look):
    shop.beat()

    html = await look("/workers?group=host")

    assert html.one("thead").links["Active"] == "/workers?group=host&sort=-active"
    assert html.one("nav", aria_label="Groups").one("a", aria_current="true").text == "By host"


async def test_a_broker_without_fanout_is_told_and_no_other_is_suspected(shop, look):
    shop.events.connection = ConnectionState(
        connected=False, since=NOW, why="This broker carries no events", is_possible=False
    )

    html = await look("/workers")

    assert "Workers can't be observed through this broker" in html.text
    assert "another broker" not in html.text
    assert "Disconnected" not in html.text
    assert html.one("nav", aria_label="Pages").links["Workers"]
    assert not html.all("div", class_="cards")
