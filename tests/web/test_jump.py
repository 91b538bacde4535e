"""The palette's endpoint: a few letters lead to pages, workers, types and tasks."""

import pytest

from flower_ng.errors import Unavailable
from flower_ng.web.plumbing.jump import MOST
from tests.web.pages.shop import Shop

UUID = "0c598d7b-125e-4d91-b248-b46949ea3931"


@pytest.fixture
def shop():
    cluster = Shop()
    cluster.store.start()
    yield cluster
    cluster.store.stop()


@pytest.fixture
def places(serve, shop):
    async def ask(letters="", **options):
        prefix = options.get("url_prefix", "")
        answer = await serve(cluster=shop, **options).get(f"{prefix}/jump?q={letters}")
        assert (answer.status, answer.type) == (200, "application/json; charset=UTF-8")
        found = [(place["kind"], place["label"], place["url"]) for place in answer.json["places"]]
        *places, search = found if letters else [*found, None]
        assert search is None or search[0] == "search"
        return places

    return ask


async def test_without_letters_it_offers_the_pages_and_the_workers(shop, places):
    shop.beat()
    shop.task(UUID)

    found = await places()

    assert found[-1] == ("worker", "w1@box", "/worker/w1@box")
    assert found[:-1] == sorted(found[:-1])
    assert {("page", "Tasks", "/tasks"), ("page", "Workers", "/")} < set(found[:-1])


async def test_letters_find_types_by_any_part_and_those_that_begin_so_first(shop, places):
    for name in ("shop.overpay", "shop.pay", "mail.send"):
        shop.task(name, name=name)

    assert await places("pay") == [
        ("type", "shop.pay", "/types/shop.pay"),
        ("type", "shop.overpay", "/types/shop.overpay"),
    ]


@pytest.mark.parametrize("letters", [UUID, UUID[:4], UUID[-6:], UUID[4:12].upper()])
async def test_a_part_of_an_id_finds_its_task(shop, places, letters):
    shop.task(UUID)
    shop.task("something-else")

    assert await places(letters) == [("task", UUID, f"/task/{UUID}")]


async def test_an_id_of_ones_own_making_is_found_when_it_is_whole(shop, places):
    shop.task("order 17")

    assert await places("order%2017") == [("task", "order 17", "/task/order%2017")]


async def test_a_worker_that_only_answers_is_found_too(shop, places):
    shop.inspector.workers = {"silent@box": {}}

    assert await places("sil") == [("worker", "silent@box", "/worker/silent@box")]


async def test_an_answer_is_bounded(shop, places):
    for number in range(3 * MOST):
        shop.beat(f"worker-{number}@box")
        shop.task(f"abcd-{number}", name=f"abcd.{number}")

    assert len(await places("worker-")) == MOST
    assert len(await places("abcd")) == 2 * MOST


async def test_what_the_store_does_not_tell_is_left_out(shop, places, monkeypatch):
    async def slow(_uuid):
        raise Unavailable("It takes too long")

    monkeypatch.setattr(shop.store, "task", slow)  # no query is slow at will
    shop.beat()

    assert await places("w1") == [("worker", "w1@box", "/worker/w1@box")]


async def test_it_works_while_the_api_is_closed_and_below_a_prefix(shop, places):
    shop.beat()

    found = await places("w", url_prefix="/flower", read_only=True)

    assert found[0] == ("page", "Workers", "/flower/")
    assert found[-1] == ("worker", "w1@box", "/flower/worker/w1@box")


async def test_the_letters_lead_last_of_all_to_a_search_for_tasks(serve, shop):
    answer = await serve(cluster=shop).get("/jump?q=ValueError+x")

    assert answer.json["places"] == [
        {
            "kind": "search",
            "label": "ValueError x",
            "url": "/tasks?search=ValueError+x",
            "hint": "Search tasks",
        }
    ]
