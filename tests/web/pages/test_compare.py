"""Two tasks side by side: what differs is marked, down to the word."""

from html import unescape

import pytest

from flower_ng.web.pages.compare import MOST_MARKED, marked


def lines(html):
    table = html.one("table", class_="compared")
    return {row.one("th").text.split(" (")[0]: row for row in table.one("tbody").all("tr")}


def marks(row):
    return [[mark.text for mark in cell.all("mark")] for cell in row.all("td")]


async def test_what_differs_is_marked_by_the_word(shop, look):
    shop.task("5eed", args="('ann', 3, 'red')", kwargs="{}", name="shop.pay")
    shop.task("5eed2", args="('ann', 4, 'red')", kwargs="{}", name="shop.pay")

    html = await look("/compare?ids=5eed&ids=5eed2")

    told = lines(html)
    assert marks(told["args"]) == [["3"], ["4"]]
    assert "differs" in told["args"]["class"]
    assert marks(told["kwargs"]) == marks(told["Name"]) == [[], []]
    assert "Received" in told
    assert "1 value differs" in html.one("main").text
    assert html.links["5eed2"] == "/task/5eed2"


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("ids=5eed", 400, "Compare two tasks: one given"),
        ("ids=5eed&ids=5eed", 400, "Compare two tasks: one given"),
        ("", 400, "Compare two tasks: 0 given"),
        ("ids=5eed&ids=a&ids=b", 400, "Compare two tasks: 3 given"),
        ("ids=5eed&ids=gone", 404, "Unknown task 'gone'"),
    ],
)
async def test_what_cannot_be_compared_is_said_in_one_line(shop, serve, query, status, words):
    shop.task("5eed")

    answer = await serve(cluster=shop).ask("GET", f"/compare?{query}")

    assert answer.status == status
    assert words in unescape(answer.text)


async def test_an_unknown_task_leads_to_the_list(shop, look):
    shop.task("5eed")

    html = await look("/compare?ids=5eed&ids=gone", status=404)

    assert html.one("main").links["Tasks"] == "/tasks"


def test_long_texts_differ_as_a_whole():
    one, other = marked("a" * MOST_MARKED, "b")

    assert [part.differs for part in (*one, *other)] == [True, True]


def test_both_texts_are_told_whole():
    one, other = marked("pay 3 EUR now", "pay 4 EUR")

    assert "".join(part.text for part in one) == "pay 3 EUR now"
    assert [part.text for part in other if part.differs] == ["4"]
    assert [part.text for part in one if part.differs] == ["3", " now"]
