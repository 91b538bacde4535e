"""The page of a rolling drain: how far each worker is, and what can be begun."""

from flower_ng.monitor.holds.records import DrainedWorker, Left, RollingDrain
from tests.web.pages.shop import NOW, W1

PAGE = "/workers/drain"
OTHER = "w2@box"
ROLL = RollingDrain("ann", "kernel", NOW, (W1, OTHER), turns={W1: "away"}, most_away=1)
DRAIN = DrainedWorker(W1, "ann", "kernel", NOW, stage="timed out", stage_at=NOW)


async def test_each_worker_says_how_far_it_is_and_what_is_left(shop, look):
    shop.beat()
    shop.holds.roll, shop.holds.drains[W1] = ROLL, DRAIN
    shop.holds.left[W1] = Left(1, 0, 2, NOW, ("5eed",))

    html = await look(PAGE)

    assert html.rows == [
        [W1, "timed out", "now", "1", "0", "2", "5eed"],
        [OTHER, "waiting", *["–"] * 5],
    ]
    assert "0 of 2 workers done, at most 1 worker away at once, by ann" in html.one("main").text
    assert [form["action"] for form in html.one("main").all("form")] == [
        "/do/workers/stop-drain",
        "/do/workers/undrain",
    ]


async def test_where_none_goes_on_one_can_be_begun(shop, look):
    shop.beat()

    html = await look(PAGE)

    assert [form["action"] for form in html.one("main").all("form")] == ["/do/workers/drain"]
    assert "Now online: 1 worker." in html.one("main").text


async def test_read_only_begins_nothing(look):
    html = await look(PAGE, read_only=True)

    assert html.one("main").all("button") == []
    assert "No rolling drain" in html.one("main").text


async def test_who_may_not_administer_sees_all_of_it_shut(shop, look):
    shop.holds.roll = ROLL

    html = await look(PAGE, environ={})

    buttons = html.one("main").all("button")
    assert buttons
    assert all("disabled" in button for button in buttons)
