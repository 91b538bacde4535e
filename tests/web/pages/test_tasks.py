"""The Tasks page: searched, sorted, page by page."""

import asyncio
import zoneinfo
from urllib.parse import quote

import pytest

from flower_ng.errors import Unavailable
from flower_ng.hook import WITHHELD, Hook
from flower_ng.store import TaskRow, fields
from flower_ng.web.pages.tasks.columns import column_slugs, row_of
from flower_ng.web.pages.tasks.page import as_search
from flower_ng.web.ui.links import Links
from tests.web.pages.shop import NOW, W1

ALL_COLUMNS = (
    "name,uuid,state,args,kwargs,result,received,started,runtime,worker,exchange,routing_key,"
    "retries,revoked,exception,expires,eta"
)
SVG = "{http://www.w3.org/2000/svg}"


def headings(html):
    return [heading.text for heading in html.one("thead").all("th") if not heading.is_tool]


def ids(html):
    return [row["id"].removeprefix("task-") for row in html.one("tbody").all("tr")]


async def test_a_task_is_a_row_of_the_usual_columns(shop, look):
    shop.task("5eed", runtime=0.01234, result="1")

    html = await look("/tasks")

    assert headings(html) == ["Name", "UUID", "State", "Received", "Runtime", "Worker"]
    assert html.rows == [
        ["shop.pay", "5eed", "SUCCESS", "1970-01-01 00:16:40.000", "12.3 ms", W1],
    ]
    assert html.one("title").text == "Tasks · flower_ng"


async def test_values_lead_to_the_task_its_kind_and_its_worker(shop, look):
    shop.task("5eed")

    assert (await look("/tasks")).one("tbody").links == {
        "shop.pay": "/tasks?name=shop.pay",
        "5eed": "/task/5eed",
        W1: "/worker/w1@box",
    }


async def test_every_column_that_can_be_chosen_is_shown_in_the_order_chosen(shop, look):
    shop.task("5eed", exchange="x", routing_key="r", retries=2, eta="2026-01-01T00:00:00")

    html = await look("/tasks", tasks_columns=ALL_COLUMNS)

    assert headings(html) == [
        "Name", "UUID", "State", "args", "kwargs", "Result", "Received", "Started", "Runtime",
        "Worker", "Exchange", "Routing Key", "Retries", "Revoked", "Exception", "Expires", "ETA",
    ]  # fmt: skip
    assert html.rows[0][3:5] == ["(1,)", "{}"]
    assert html.rows[0][10:] == ["x", "r", "2", "–", "–", "–", "2026-01-01T00:00:00"]


@pytest.mark.parametrize(
    ("option", "slugs"),
    [
        (" state , name ", ("state", "name")),
        ("name,nonsense,name", ("name",)),
        ("nonsense", ("name", "uuid", "state", "received", "runtime", "worker")),
        ("", ("name", "uuid", "state", "received", "runtime", "worker")),
    ],
)
def test_unknown_columns_are_left_out(option, slugs):
    assert column_slugs(option) == slugs


async def test_the_newest_come_first(shop, look):
    for number, uuid in enumerate(["one", "two", "three"]):
        shop.now = NOW + number
        shop.task(uuid)

    assert ids(await look("/tasks")) == ["three", "two", "one"]
    assert ids(await look("/tasks?sort=received")) == ["one", "two", "three"]


async def test_without_received_the_first_column_sorts_its_last_first(shop, look):
    shop.task("1", name="shop.a")
    shop.task("2", name="shop.b")

    html = await look("/tasks", tasks_columns="uuid,name,state")

    assert ids(html) == ["2", "1"]
    assert html.one("th", aria_sort="descending").text == "Name"


async def test_headings_sort_but_not_by_id(shop, look):
    shop.task("5eed")

    links = (await look("/tasks?state=SUCCESS")).one("thead").links

    assert links == {
        "Name": "/tasks?search=state%3ASUCCESS&sort=name",
        "State": "/tasks?search=state%3ASUCCESS&sort=state",
        "Received": "/tasks?search=state%3ASUCCESS&sort=received",
        "Runtime": "/tasks?search=state%3ASUCCESS&sort=-runtime",
        "Worker": "/tasks?search=state%3ASUCCESS&sort=worker",
    }


async def test_a_search_finds(shop, look):
    shop.task("one", args="('apples',)")
    shop.task("two", args="('pears',)")

    html = await look("/tasks?search=args%3Aapples")

    assert ids(html) == ["one"]
    assert html.one("input", id="search")["value"] == "args:apples"
    assert html.one("main").links["Clear"] == "/tasks"


async def test_a_wrong_search_is_said_so_below_the_box_and_shows_no_list(shop, look):
    shop.task("5eed")

    html = await look("/tasks?search=%28abc")

    problem = html.one("p", id="search-problem")
    assert problem.text == (
        "Missing closing parenthesis at position 0."
        ' Parentheses group words; in quotes they are text, as in "f(x)". How to search'
    )
    assert problem.links == {"How to search": "#search-help"}
    assert html.one("input", id="search")["aria-invalid"] == "true"
    assert html.all("table") == []


@pytest.mark.parametrize(
    ("search", "shown", "marked"),
    [
        ("abc -runtime:fast (def)", "abc -runtime:fast (def)", "fast"),
        ("abc NOT", "abc NOT", "NOT"),
        ("abc (", "abc (\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"),
        (f"{'é' * 99} wait:<b> {'é' * 99}", f"…{'é' * 54} wait:<b> {'é' * 59}…", "<b>"),
    ],
)
async def test_the_word_that_is_wrong_is_marked(look, search, shown, marked):
    html = await look(f"/tasks?search={quote(search)}")

    assert html.one("p", class_="misread").text == shown.strip()
    assert html.one("mark").text == marked.strip()


async def test_a_search_that_is_wrong_as_a_whole_has_no_mark(look):
    html = await look(f"/tasks?search={'a' * 3000}")

    assert html.all("mark") == []


async def test_every_field_is_in_the_help(look):
    html = await look("/tasks")

    examples = {code.text for code in html.one("div", id="search-help").all("code")}
    assert {field.example for field in fields()} <= examples


@pytest.mark.parametrize(
    ("query", "search", "found"),
    [
        ("state=failure", "state:failure", ["failed"]),
        ("worker=w2@box", "worker:=w2@box", ["other"]),
        ("name=shop.pay", "name:=shop.pay", ["paid"]),
        ("name=a", "name:=a", ["short"]),
        ("name=two%20words", 'name:="two words"', ["spaced"]),
        ("state=FAILURE&worker=w1@box", "state:FAILURE worker:=w1@box", ["failed"]),
        ("state=FAILURE&worker=w2@box", "state:FAILURE worker:=w2@box", []),
        ("state=&worker=&name=shop.pay", "name:=shop.pay", ["paid"]),
    ],
)
async def test_presets_are_shown_as_a_search_and_match_exactly(shop, look, query, search, found):
    shop.task("paid")
    shop.task("failed", name="shop.pay.later", ends="task-failed")
    shop.task("other", name="shop.send", hostname="w2@box")
    shop.task("short", name="a")
    shop.task("spaced", name="two words")

    html = await look(f"/tasks?{query}")

    assert html.one("input", id="search")["value"] == search
    assert (ids(html) if html.all("tbody") else []) == found


def test_a_preset_as_search_means_its_text():
    assert as_search({"name": 'a "b" \\c'}) == r'name:="a \"b\" \\c"'


async def test_state_buttons_set_the_state_and_keep_the_rest(shop, look):
    shop.task("5eed")

    html = await look("/tasks?worker=w1@box&state=SUCCESS")

    buttons = html.one("nav", aria_label="States")
    worker = "/tasks?search=worker%3A%3Dw1%40box"
    assert buttons.links == {
        "All 1": worker,
        "PENDING 0": f"{worker}+state%3APENDING",
        "RECEIVED 0": f"{worker}+state%3ARECEIVED",
        "STARTED 0": f"{worker}+state%3ASTARTED",
        "SUCCESS 1": f"{worker}+state%3ASUCCESS",
        "FAILURE 0": f"{worker}+state%3AFAILURE",
        "RETRY 0": f"{worker}+state%3ARETRY",
        "REVOKED 0": f"{worker}+state%3AREVOKED",
        "REJECTED 0": f"{worker}+state%3AREJECTED",
    }
    assert buttons.one("a", aria_current="true").text == "SUCCESS 1"


@pytest.mark.parametrize(
    ("query", "current"),
    [
        ("", ["All 0"]),
        ("?search=", ["All 0"]),
        ("?search=state:failure", ["FAILURE 0"]),
        ("?search=abc", ["All 0"]),
        ("?worker=w1@box", ["All 0"]),
    ],
)
async def test_the_button_of_what_is_shown_is_marked(look, query, current):
    buttons = (await look(f"/tasks{query}")).one("nav", aria_label="States")

    assert [link.text for link in buttons.all("a", aria_current="true")] == current


async def test_a_page_has_as_many_rows_as_chosen(shop, look):
    for number in range(40):
        shop.task(f"task-{number}")

    html = await look("/tasks?size=15&page=3")
    pager = html.one("nav", class_="pager")

    assert len(html.rows) == 10
    assert pager.text.startswith("31–40 of 40")
    assert pager.links == {
        "Previous": "/tasks?size=15&page=2",
        "15": "/tasks?size=15",
        "30": "/tasks?size=30",
        "50": "/tasks?size=50",
        "100": "/tasks?size=100",
    }


async def test_a_search_keeps_the_order_and_the_length(shop, look):
    shop.task("5eed")

    html = await look("/tasks?sort=name&size=15")

    form = html.one("form", role="search")
    hidden = {field["name"]: field["value"] for field in form.all("input", type="hidden")}
    assert hidden == {"sort": "name", "size": "15"}


async def test_a_page_past_the_end_leads_back(shop, look):
    shop.task("5eed")

    main = (await look("/tasks?page=9")).one("main")

    assert "This page is empty" in main.text
    assert main.links["Back to the tasks"] == "/tasks?page=1"


@pytest.mark.parametrize("query", ["size=x", "page=", "page=1.5"])
async def test_a_wrong_number_is_400(serve, shop, query):
    assert (await serve(cluster=shop).get(f"/tasks?{query}")).status == 400


async def test_no_task_at_all_and_no_task_that_matches_are_told_apart(shop, look):
    empty = await look("/tasks")
    shop.task("5eed")
    unmatched = await look("/tasks?state=FAILURE")

    assert "No tasks yet" in empty.one("main").text
    assert "1 task is stored" in unmatched.one("main").text


async def test_times_are_in_the_timezone_of_the_app(shop, look):
    shop.timezone = zoneinfo.ZoneInfo("Asia/Kolkata")
    shop.task("5eed")

    html = await look("/tasks")

    assert html.rows[0][3] == "1970-01-01 05:46:40.000"
    assert html.one("tbody").one("time")["datetime"] == "1970-01-01T00:16:40.000Z"


async def test_times_are_relative_where_wanted(shop, look):
    shop.now = NOW - 120
    shop.task("5eed")

    assert (await look("/tasks", natural_time=True)).rows[0][3] == "2 min ago"


async def test_rows_are_shown_as_format_task_wants_them(shop, look):
    def hide(task):
        task.args, task.name = "(secret)", task.worker.hostname
        return task

    shop.format_task = Hook(hide)
    shop.task("5eed")

    html = await look("/tasks", tasks_columns="name,args")

    assert html.rows == [[W1, "(secret)"]]


async def test_a_format_task_that_fails_withholds_what_it_was_to_hide(shop, look):
    shop.format_task = Hook(lambda task: task.kwargs.pop("password"))
    shop.task("5eed", kwargs="{'password': 'hunter2'}", result="'hunter2'")

    html = await look("/tasks", tasks_columns="args,kwargs,result")

    assert html.rows == [[WITHHELD] * 3]


async def test_a_task_of_which_little_is_known_is_a_row_too(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed")

    html = await look("/tasks")

    assert html.rows == [["unnamed", "5eed", "PENDING", "–", "–", "–"]]


async def test_long_values_are_cut(shop, look):
    shop.task("5eed", args="x" * 4000)

    (cell,) = (await look("/tasks", tasks_columns="args")).rows[0]

    assert (len(cell), cell[-4:]) == (160, " ...")


async def test_many_columns_scroll_sideways(shop, look):
    shop.task("5eed")

    assert (await look("/tasks", tasks_columns=ALL_COLUMNS)).all("div", class_="scroll")
    assert (await look("/tasks")).all("div", class_="scroll") == []


async def test_a_store_that_can_not_answer_is_said_so_on_the_page(shop, look):
    class Busy:
        def at_once(self):
            return self

        def __getattr__(self, name):
            return getattr(store, name)

        async def tasks(self, query):
            raise Unavailable(f"Too long: {query.limit}")

    store, shop.store = shop.store, Busy()

    html = await look("/tasks")

    assert html.one("p", class_="problem").text.startswith("Too long: 50")
    shop.store = store


@pytest.mark.parametrize("search", ['"<x>"', "'\"", "état OR ☃☃☃", "a" * 3000, "(" * 9])
async def test_any_search_is_answered_with_a_page(look, search):
    html = await look(f"/tasks?search={quote(search)}")

    assert html.one("input", id="search")["value"] == search


async def test_facets_count_and_lead_to_what_they_count(shop, look):
    shop.task("1", name="shop.pay", queue="till")
    shop.task("2", name="shop.pay")
    shop.task("3", name="shop.send", ends="task-failed", exception="OSError('x')")

    html = await look("/tasks?search=shop.")

    facets = {
        facet["aria-label"]: facet.links for facet in html.all("section") if "aria-label" in facet
    }
    base = "/tasks?search=shop."
    assert facets["Type"] == {
        "shop.pay 2": f"{base}+name%3A%3Dshop.pay",
        "shop.send 1": f"{base}+name%3A%3Dshop.send",
    }
    assert facets["Worker"] == {"w1@box 3": f"{base}+worker%3A%3Dw1%40box"}
    assert facets["Queue"] == {"till 1": f"{base}+queue%3A%3Dtill"}
    assert facets["Exception"] == {"OSError 1": f"{base}+exception%3A%3DOSError"}


async def test_a_facet_that_narrows_counts_the_others_too_and_widens_again(shop, look):
    shop.task("1", name="shop.pay")
    shop.task("2", name="shop.send")

    facet = (await look("/tasks?name=shop.pay")).one("section", aria_label="Type")

    assert facet.links == {
        "shop.pay 1": "/tasks",
        "shop.send 1": "/tasks?search=name%3A%3Dshop.send",
    }
    assert facet.one("a", aria_current="true").text == "shop.pay 1"


async def test_columns_that_are_asked_for_are_shown_and_carried_on(shop, look):
    shop.task("5eed", queue="mail")

    html = await look("/tasks?columns=queue,name")

    assert html.rows == [["mail", "shop.pay"]]
    assert html.one("thead").links["Name"] == "/tasks?columns=queue%2Cname&sort=name"
    form = html.one("form", role="search")
    assert [(one["name"], one["value"]) for one in form.all("input", type="hidden")] == [
        ("columns", "queue,name")
    ]


@pytest.mark.parametrize(
    ("form", "address"),
    [
        ("columns=&columns=name&columns=state", "/tasks?columns=name%2Cstate"),
        (
            "search=mail&from=2026-11-20T10:00&to=2026-11-20T11:00",
            "/tasks?search=mail+received%3A2026-11-20T10%3A00%3A00Z..2026-11-20T11%3A00%3A00Z",
        ),
        (
            "zone=Asia/Kolkata&from=2026-11-20T10:00:30&to=2026-11-20T11:00",
            "/tasks?search=received%3A2026-11-20T04%3A30%3A30Z..2026-11-20T05%3A30%3A00Z",
        ),
        (
            "search=received:-1h..&from=2026-11-20T10:00&to=",
            "/tasks?search=received%3A2026-11-20T10%3A00%3A00Z..",
        ),
    ],
)
async def test_what_forms_send_becomes_an_address_that_says_it(serve, shop, form, address):
    answer = await serve(cluster=shop).get(f"/tasks?{form}")

    assert (answer.status, answer.headers["Location"]) == (302, address)


async def test_the_time_that_is_named_is_chosen(shop, look):
    shop.task("5eed")

    html = await look("/tasks?search=shop.+received:-1h..")

    spans = html.one("nav", aria_label="Received within")
    assert spans.one("a", aria_current="true").text == "1 h"
    assert spans.links["Any time"] == "/tasks?search=shop."
    assert spans.links["24 h"] == "/tasks?search=shop.+received%3A-1d.."


@pytest.mark.parametrize(
    ("period", "told", "fields"),
    [
        (
            "2026-11-20T10:00:00Z..2026-11-20T11:00:00Z",
            "2026-11-20 11:00:00.000 to 2026-11-20 12:00:00.000",
            ["2026-11-20T11:00:00", "2026-11-20T12:00:00"],
        ),
        (
            "2026-11-20T10:00..2026-11-20T11:00",
            "2026-11-20 11:00:00.000 to 2026-11-20 12:00:59.000",
            ["2026-11-20T11:00:00", "2026-11-20T12:00:59"],
        ),
        (
            "2026-11-20",
            "2026-11-20 01:00:00.000 to 2026-11-21 00:59:59.000",
            ["2026-11-20T01:00:00", "2026-11-21T00:59:59"],
        ),
        (">=2026-07-20T10:00Z", "From 2026-07-20 12:00:00.000", ["2026-07-20T12:00:00", ""]),
        ("..2026-07-20T10:00:00Z", "Until 2026-07-20 12:00:00.000", ["", "2026-07-20T12:00:00"]),
        ("today", "today (UTC)", ["", ""]),
        ("-2h..-1h", "-2h..-1h", ["", ""]),
    ],
)
async def test_a_fixed_time_is_told_in_the_zone_of_all_times_and_can_be_changed(
    shop, look, period, told, fields
):
    shop.timezone = zoneinfo.ZoneInfo("Europe/Berlin")

    menu = (await look(f"/tasks?search=received:{period}")).one("details", id="time")

    assert menu.one("summary").text == told
    assert [one["value"] for one in menu.all("input", type="datetime-local")] == fields
    assert [one["value"] for one in menu.all("input", name="zone")] == ["Europe/Berlin"]


async def test_bars_stand_for_the_tasks_by_state(shop, look):
    shop.task("1")
    shop.task("2", ends="task-failed")

    chart = (await look("/tasks")).one("f-histogram")

    assert [bar["data-state"] for bar in chart.all(f"{SVG}path")] == ["FAILURE", "SUCCESS"]
    assert chart["data-url"] == "/tasks?search=received%3A%7Bperiod%7D"


async def test_tasks_that_no_worker_received_are_counted_beside_the_bars(shop, look):
    shop.task("1")
    shop.state.event({"type": "task-sent", "uuid": "2", "timestamp": NOW, "hostname": "client"})

    chart = (await look("/tasks")).one("f-histogram")

    assert "1 not yet received (not shown)" in chart.text
    assert ids(await look(chart.links["1"])) == ["2"]
    assert (
        "not yet received"
        not in (await look("/tasks?search=state:SUCCESS")).one("f-histogram").text
    )


async def test_a_running_task_has_run_so_far(shop, look):
    shop.now = NOW - 90
    shop.task("5eed", ends="task-started")
    shop.now = NOW
    shop.task("done", runtime=3.0)

    html = await look("/tasks?sort=-runtime")

    assert ids(html) == ["5eed", "done"]
    assert html.rows[0][4].startswith("so far ")


async def test_of_a_task_that_may_run_no_more_no_run_time_is_told(shop, look):
    shop.now = NOW - 90
    for uuid in ("gone", "runs"):
        shop.task(uuid, ends="task-started")
    shop.now = NOW
    shop.health.doubt = lambda uuid, worker: f"{worker} is gone" if uuid == "gone" else ""

    html = await look("/tasks?sort=uuid")

    assert [row[4] for row in html.rows] == ["end unknown", "so far 1m 30s"]


async def test_cells_say_how_their_value_is_searched_for(shop, look):
    shop.task("5eed", name='a "b"', ends="task-failed", exception="OSError('x')", args="(1, 2)")

    html = await look("/tasks?columns=name,state,worker,exception,args,retries,received")

    assert [cell["data-term"] for cell in html.cells] == [
        'name:="a \\"b\\""',
        "state:FAILURE",
        "worker:=w1@box",
        "exception:=OSError",
        'args:"(1, 2)"',
        None,
        None,
    ]
    assert html.one("f-cells")["data-url"].startswith("/tasks?search=%7Bterm%7D&columns=")


@pytest.mark.parametrize(
    "runtime",
    [0.0, 0.0000000004, 0.000045678, 0.12355, 0.286, 1.996, 59.9999, 1234.9, 123_456_789.5],
)
async def test_only_of_a_run_time_finds_the_row_and_none_that_is_much_shorter(shop, look, runtime):
    shop.task("5eed", ends="task-succeeded", runtime=runtime)
    shop.task("short", ends="task-succeeded", runtime=runtime * 0.98 - 1e-9)
    cells = (await look("/tasks?columns=runtime&sort=-runtime")).cells

    html = await look(f"/tasks?columns=uuid&search={quote(cells[0]['data-term'])}")

    assert ids(html) == ["5eed"]


@pytest.mark.parametrize(
    ("column", "value", "term"),
    [
        ("args", "('\x1b[31m',)", "args:\"('\\\\x1b[31m',)\""),
        ("exchange", "e x", 'exchange:="e x"'),
        ("routing_key", "r.k", "routing_key:=r.k"),
    ],
)
async def test_only_finds_what_no_address_holds_and_what_only_a_sending_names(
    shop, look, column, value, term
):
    shop.task("other")
    shop.happen("task-sent", uuid="5eed", **{column: value})
    row = TaskRow("5eed", **{column: value})

    [cell] = row_of(row, [column], Links(""), NOW).cells

    assert cell.term == term
    assert ids(await look(f"/tasks?columns=uuid&search={quote(term)}")) == ["5eed"]


@pytest.mark.parametrize("name", ["a\u00a0b", "a\u2003b", "\u3000"])
async def test_only_finds_a_name_with_any_kind_of_blank(shop, look, name):
    shop.task("5eed", name=name)
    [cell] = (await look("/tasks?columns=name")).cells

    assert ids(await look(f"/tasks?columns=uuid&search={quote(cell['data-term'])}")) == ["5eed"]


@pytest.mark.parametrize(
    ("exception", "traceback"),
    [
        ("KeyError('O\\'Brien')", None),
        ("shop.errors.Declined('x')", None),
        ("ExceptionWithTraceback()", "Traceback…\nbilliard.exceptions.TimeLimitExceeded: (2,)"),
        ("<Weird object>", None),
        ("Failed: no (parenthesis", None),
    ],
)
async def test_only_and_not_of_an_exception_find_the_row(shop, look, exception, traceback):
    shop.task("5eed", ends="task-failed", exception=exception, traceback=traceback)
    [cell] = (await look("/tasks?columns=exception")).cells
    term = cell["data-term"]

    assert term is None or ids(await look(f"/tasks?columns=uuid&search={quote(term)}")) == ["5eed"]
    assert term or exception.startswith("<")


async def test_a_word_that_looks_like_a_mistake_is_told_beside_what_it_finds(shop, look):
    shop.task("5eed", args="('status:failed',)")

    html = await look("/tasks?search=status:failed")

    doubt = html.one("p", class_="doubt")
    assert ids(html) == ["5eed"]
    assert doubt.text == "No field status; did you mean state:? Search state:FAILURE"
    assert doubt.links == {"Search state:FAILURE": "/tasks?search=state%3AFAILURE"}


async def test_a_state_that_no_task_has_and_celery_does_not_know_is_doubted(shop, look):
    shop.task("5eed")
    unknown = await look("/tasks?search=state:failed")

    assert "did you mean FAILURE?" in unknown.one("p", class_="doubt").text


async def test_where_nothing_matches_the_page_says_where_something_would(shop, look):
    shop.task(
        "5eed", ends="task-failed", exception="X()", traceback="in charge_card\nX", queue="mail"
    )

    found = (await look("/tasks?search=charge_card+state:FAILURE")).one("ul", class_="wider")
    state = (await look("/tasks?search=shop.pay+state:SUCCESS")).one("ul", class_="wider")
    old = (await look("/tasks?search=shop.pay+received:2020")).one("ul", class_="wider")
    queue = (await look("/tasks?search=mail")).one("ul", class_="wider")

    assert found.text == "1 task matching in the traceback traceback:charge_card state:FAILURE"
    assert state.text == "1 task in any state shop.pay"
    assert old.text == "1 task received at any time shop.pay"
    assert queue.text == "1 task matching in the queue name queue:mail"


async def test_a_time_as_a_page_shows_it_finds_its_task(shop, look):
    shop.timezone = zoneinfo.ZoneInfo("Asia/Kolkata")
    shop.task("5eed")
    [[received]] = (await look("/tasks?columns=received")).rows

    word = (await look(f"/tasks?search={quote(received)}")).one("ul", class_="wider")
    doubt = (await look(f'/tasks?search=received:"{quote(received)}"')).one("p", class_="doubt")

    meant = f'received:"{received}+05:30"'
    assert received == "1970-01-01 05:46:40.000"
    assert word.all("li")[0].text == f"1 task received at this time {meant}"
    assert doubt.text == (
        f"Times in a search are UTC. In Asia/Kolkata, the cluster's time zone: Search {meant}"
    )
    [url] = doubt.links.values()
    found = await look(url)
    assert ids(found) == ["5eed"]
    assert not found.all("p", class_="doubt")


async def test_where_nothing_like_it_matches_nothing_is_offered(shop, look):
    shop.task("5eed")

    assert not (await look("/tasks?search=nowhere")).all("ul", class_="wider")


@pytest.mark.parametrize("text", ["李", "5e", "worker:w1", "-q"])
async def test_a_text_of_a_character_or_two_is_found(shop, look, text):
    shop.task("5eed", kwargs="{'name': '李雷'}")

    html = await look(f"/tasks?search={quote(text)}")

    assert ids(html) == ["5eed"]
    assert not html.all("p", class_="doubt")


async def test_a_text_that_no_index_knows_is_said_to_be_why_a_search_was_stopped(shop, look):
    class Busy:
        def at_once(self):
            return self

        def __getattr__(self, name):
            return getattr(store, name)

        async def tasks(self, _query):
            raise Unavailable("Too long")

    store, shop.store = shop.store, Busy()
    slow, other = await look("/tasks?search=%E6%9D%8E"), await look("/tasks?search=shop")
    wrong = await look("/tasks?search=(")
    shop.store = store

    assert "every task is scanned" in slow.one("p", class_="doubt").text
    assert not other.all("p", class_="doubt")
    assert not wrong.all("p", class_="doubt")


async def test_counts_that_are_not_there_yet_do_not_keep_the_list_back(shop, look):
    class Slow:
        def at_once(self):
            return self

        def __getattr__(self, name):
            return getattr(store, name)

        async def facets(self, *_asked):
            await asyncio.sleep(30)

    store, shop.store = shop.store, Slow()
    shop.task("5eed")

    html = await look("/tasks")

    assert ids(html) == ["5eed"]
    assert "Counting…" in html.one("f-histogram").text
    assert html.one("f-histogram").one("noscript").links == {"Reload": ""}
    assert html.one("nav", aria_label="States").links["FAILURE"]


async def test_a_store_that_can_not_count_is_said_so_and_the_list_is_there(shop, look):
    class Busy:
        def at_once(self):
            return self

        def __getattr__(self, name):
            return getattr(store, name)

        async def facets(self, *_asked):
            raise Unavailable("Too long")

    store, shop.store = shop.store, Busy()
    shop.task("5eed")

    html = await look("/tasks")

    assert ids(html) == ["5eed"]
    assert html.one("f-histogram").text == "Not counted: Too long"
