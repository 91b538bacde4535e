"""All pages tell all times in one zone, which the header names once."""

from zoneinfo import ZoneInfo

import pytest

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.web.ui import format as fmt
from tests.web.pages.html import Html
from tests.web.pages.shop import NOW, W1

KATHMANDU = ZoneInfo("Asia/Kathmandu")
PAGES = (
    "/overview", "/overview?span=7d", "/tasks", "/tasks?columns=sent,started,revoked,eta,expires",
    "/task/a", "/task/b", "/types", "/types/shop.pay", "/workers", f"/worker/{W1}", "/queues",
    "/problems", "/broker", "/history", "/doctor",
)  # fmt: skip


@pytest.fixture
def busy(shop):
    """A cluster of Nepal, whose clocks are 5:45 h ahead, about which each page tells a time."""
    shop.timezone = KATHMANDU
    shop.beat()
    shop.task("a", ends="task-failed", exception="ValueError('empty')")
    shop.happen("task-received", uuid="b", eta="2026-11-20T10:30:00+00:00", expires="soon")
    refused = {"why": "refused", "retry_at": NOW + 4}
    shop.events.connection = ConnectionState(connected=False, since=NOW - 60, **refused)
    return shop


def told(time: Html) -> str:
    """What a person reads of a moment: the text, or what stands behind an age."""
    return (time["title"] or time.text).removesuffix(" Asia/Kathmandu")


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("is_natural", [True, False])
async def test_every_time_of_every_page_is_in_the_zone_that_the_header_names(
    look, path, is_natural
):
    html = await look(path, natural_time=is_natural)

    assert html.one("span", id="zone").text == "Asia/Kathmandu"
    assert html.text.count("Asia/Kathmandu") == 1
    times = html.all("time")
    for time in times:
        at = fmt.iso_seconds((time["datetime"] or "").replace("Z", "+00:00"))
        assert told(time) == fmt.moment(at, KATHMANDU)
    assert times


@pytest.mark.usefixtures("busy")
async def test_times_that_senders_wrote_are_told_in_that_zone_too(look):
    html = await look("/tasks?columns=eta,expires")

    assert ["2026-11-20 16:15:00.000", "soon"] in html.rows
    facts = (await look("/task/b")).one("main").facts
    assert (facts["ETA"], facts["Expires"]) == ("2026-11-20 16:15:00.000", "soon")
