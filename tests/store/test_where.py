"""A search, from its text to the tasks that it finds, held against a filter in plain Python."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter, ge, gt, le, lt

import pytest
from celery.utils.saferepr import saferepr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flower_ng.records import Task, Worker
from flower_ng.store import TaskQuery, parse_search
from flower_ng.store.tables.texts import exception_class
from tests.store.making import NOW, task


@pytest.mark.parametrize(
    ("kwargs", "wanted", "is_found"),
    [
        ("{'a': 1}", "kwargs:a=1", True),
        ("{'a': 1}", 'kwargs:" a = 1 "', True),
        ("{'a': '1'}", "kwargs:A=1", True),
        ("{'a': 10}", "kwargs:a=1", False),
        ("{'ba': 1}", "kwargs:a=1", False),
        ("{'a': 1.5}", "kwargs:a=1.5", True),
        ("{'a': True}", "kwargs:a=true", True),
        ("{'a': None}", "kwargs:a=", True),
        ("{'a': None}", "kwargs:a=None", False),
        ("{'a': 'None'}", "kwargs:a=None", True),
        ("{'a': ''}", "kwargs:a=", True),
        ("{'a': [1, 2]}", 'kwargs:"a=[1, 2]"', True),
        ("{'a': {'b': 1}}", "kwargs:b=1", False),
        ("{'a': \"it's\"}", "kwargs:a=it's", True),
        ("{'a': 'x\"]'}", r"kwargs:a=x\"]", True),
        ("{'b=c': 'd'}", "kwargs:b=c=d", True),
        ("{1: 2, '1': 3}", "kwargs:1=2", True),
        ("{'a': 1, 'a': 2}", "kwargs:a=1", False),
        ("{'a': 007}", "kwargs:a=7", False),
        ("{'a': ...", "kwargs:a=...", False),
        ("[('a', 1)]", "kwargs:a=1", False),
        ("{'a': " + "[" * 500 + "}", "kwargs:a=1", False),
        (None, "kwargs:a=1", False),
        ("{'order': {'id': 7}}", "kwargs.order.id:7", True),
        ("{'order': {'id': 7}}", "kwargs:order.id=7", True),
        ("{'order': {'id': 7}}", "kwargs.id:7", False),
        ("{'order': {'id': 77}}", "kwargs.order.id:7", False),
        ("{'order': {'id': 77}}", "kwargs.order.id:7*", True),
        ("{'order': {'id': 77}}", "kwargs.order.id:*", True),
        ("{'order': {'id': None}}", "kwargs.order.id:None", False),
        ("{'lines': [{'Sku': 'A b'}]}", 'kwargs.lines.0.sku:"a B"', True),
        ("{'a': {'b': {'c': {'d': {'e': 1}}}}}", "kwargs.a.b.c.d.e:1", True),
        ("{'a': {'b': {'c': {'d': {'e': {'f': 1}}}}}}", "kwargs.a.b.c.d.e.f:1", False),
        ("{'a': 1}", "kwargs.a:1", True),
        ("{'a': ['x'] * 9}", "kwargs.a.0:x", False),
    ],
)
def test_a_pair_is_found_as_whole_key_and_value(table, kwargs, wanted, is_found):
    with table(task("u", kwargs=kwargs)) as tasks:
        assert bool(tasks.uuids(search=parse_search(wanted))) is is_found


#: Letters whose folding changes their number or leaves ASCII, and all that SQL and JSON escape.
LETTERS = "aAbßİıſΣσςé%_'\"\\=*<>-, \x00\n[]{}().:1"
STATES = ["PENDING", "RECEIVED", "STARTED", "SUCCESS", "FAILURE", "REVOKED", "RETRY", "Weird"]
#: Seconds before the time of asking, 1970-01-12T13:46:40Z.
AGES = [-5, 0, 0.1, 1, 59, 60, 61, 3599, 3600, 49_600, 49_601, 86_400, 200_000]

TEXTS = st.text("aB", max_size=4) | st.text(LETTERS, max_size=8)
SCALARS = st.one_of(TEXTS, st.integers(), st.none(), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("kJ"), inner),
    max_leaves=4,
)
TIMES = st.none() | st.sampled_from([NOW - age for age in AGES])
RUNTIMES = st.none() | st.sampled_from([0.0, 0.25, 1.0, 59.999, 60.0, 3600.0])
TASKS = st.lists(
    st.builds(
        task,
        st.uuids().map(str),
        state=st.sampled_from([*STATES, "ſTARTED"]),
        timestamp=st.sampled_from([NOW - age for age in AGES]),
        name=st.none() | TEXTS,
        original_name=st.none() | TEXTS,
        queue=st.none() | TEXTS,
        exchange=st.none() | TEXTS,
        routing_key=st.none() | TEXTS,
        args=st.none() | TEXTS,
        kwargs=st.none() | TEXTS | st.dictionaries(st.sampled_from("kJ"), VALUES).map(repr),
        result=st.none() | TEXTS,
        exception=st.none() | TEXTS,
        parent_id=st.none() | TEXTS,
        retries=st.none() | st.integers(0, 11),
        runtime=RUNTIMES,
        worker=st.none() | st.builds(Worker, TEXTS),
        **dict.fromkeys(["received", "sent", "started", "succeeded", "failed", "revoked"], TIMES),
    ),
    max_size=8,
    unique_by=attrgetter("uuid"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The text of a search, and which tasks it should find."""

    text: str
    matches: Callable[[Task], bool]


def quoted(text):
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def value(one, attribute):
    found = getattr(one, attribute)
    found = found.hostname if isinstance(found, Worker) else found
    return None if found is None else found.casefold()


#: What workers wrote as values, which a page also shows without Celery's escapes.
WRITTEN = ("args", "kwargs", "result", "exception")


def names(one, attribute):
    """Its values to look for a part of: a task that was replaced has a second name."""
    both = [attribute, "original_name"] if attribute == "name" else [attribute]
    return [found for found in (value(one, name) for name in both) if found is not None]


def holds(one, attribute, text):
    """Whether the attribute holds the text, for values in any of the forms that it may have."""
    if attribute == "name":
        return any(text.casefold() in found for found in names(one, attribute))
    found, wanted = value(one, attribute) or "", text.casefold()
    if attribute not in WRITTEN:
        return wanted in found
    doubled = wanted.replace("\\", "\\\\")
    forms = [wanted, doubled, wanted.replace("\\\\", "\\")]
    return any(form in found or form.replace("'", "\\'") in found for form in forms)


def word(text):
    fields = ("uuid", "name", "state", "worker", *WRITTEN)
    return Asked(quoted(text), lambda one: any(holds(one, at, text) for at in fields))


ATTRIBUTES = {"id": "uuid", "UUID": "uuid", "parent": "parent_id"}
WHOLE_OR_PART = [
    "name", "worker", "queue", "exchange", "routing_key", "exception", "id", "UUID", "parent",
]  # fmt: skip


def part(field, text):
    attribute = ATTRIBUTES.get(field, field)
    return Asked(
        f"{field}:{quoted(text)}",
        lambda one: names(one, attribute) != [] and holds(one, attribute, text),
    )


def beginning(field, text):
    attribute, wanted = ATTRIBUTES.get(field, field), text.casefold()
    return Asked(
        f"{field}:{quoted(text)}*",
        lambda one: (
            any(found.startswith(wanted) for found in names(one, attribute))
            if text  # else it is `*`: has one at all
            else value(one, attribute) is not None
        ),
    )


def of_class(name):
    wanted = name.casefold()
    return Asked(
        f"exception:={quoted(name)}",
        lambda one: (exception_class(one.exception, one.traceback) or "").casefold() == wanted,
    )


def whole(field, text):
    attribute, wanted = ATTRIBUTES.get(field, field), text.casefold()
    return Asked(f"{field}:={quoted(text)}", lambda one: value(one, attribute) == wanted)


def state(text):
    return Asked(f"state:{quoted(text)}", lambda one: value(one, "state") == text.casefold())


def argument(path, text):
    wanted = (".".join(path).casefold(), text.strip().casefold())
    return Asked(
        f"kwargs.{'.'.join(path)}:{quoted(text)}",
        lambda one: wanted in naive_pairs(one.kwargs, len(path)),
    )


def naive_pairs(kwargs, depth):
    """The values that stand so deep, with their paths; those that hold others only at the top."""
    try:
        found = ast.literal_eval(kwargs)
        level = [((key,), inner) for key, inner in found.items()]
    except (ValueError, SyntaxError, TypeError, AttributeError):
        return []
    for _ in range(depth - 1):
        level = [
            ((*path, str(key)), inner) for path, outer in level for key, inner in inside(outer)
        ]
    return [
        (".".join(path).casefold(), ("" if one is None else str(one)).casefold())
        for path, one in level
        if depth == 1 or not isinstance(one, dict | list)
    ]


def inside(outer):
    if isinstance(outer, dict):
        return outer.items()
    return enumerate(outer) if isinstance(outer, list) else ()


RELATIONS = {"<": lt, "<=": le, ">": gt, ">=": ge}


def compared(field, relation, number, unit=("", 1)):
    measure, limit = MEASURES[field], number * unit[1]
    return Asked(
        f"{field}:{relation}{number}{unit[0]}",
        lambda one: measure(one) is not None and RELATIONS[relation](measure(one), limit),
    )


def between(field, low, high):
    measure = MEASURES[field]
    return Asked(
        f"{field}:{min(low, high)}..{max(low, high)}",
        lambda one: measure(one) is not None and min(low, high) <= measure(one) <= max(low, high),
    )


def is_running(one):
    return value(one, "state") in {"started", "weird"}  # or one of the app's own


def runtime(one):
    if not is_running(one):
        return one.runtime
    return None if one.started is None else NOW - one.started


def running(one):
    return runtime(one) if is_running(one) else None


def wait(one):
    since = one.sent if one.received is None else one.received
    if since is None:
        return None
    if one.state in {"PENDING", "RECEIVED"}:
        return NOW - since
    return one.started - since if one.started is not None and one.started >= since else None


def finished(one):
    ends = {"SUCCESS": one.succeeded, "FAILURE": one.failed, "REVOKED": one.revoked}
    return ends.get(one.state)


MEASURES = {
    "retries": attrgetter("retries"),
    "runtime": runtime,
    "running": running,
    "wait": wait,
    "received": attrgetter("received"),
    "started": attrgetter("started"),
    "sent": attrgetter("sent"),
    "finished": finished,
    "updated": attrgetter("timestamp"),
}
#: A time as it may be typed, from when to when it is, whether that includes the end.
MOMENTS = {
    "1970-01-12": (950_400, 1_036_800, False),
    "1970-01": (0, 2_678_400, False),
    "1970-01-12T13": (997_200, 1_000_800, False),
    "1970-01-12t14:45+01:00": (999_900, 999_960, False),
    '"1970-01-12 13:46:40"': (1_000_000, 1_000_001, False),
    "1970-01-12T13:46:39.9": (999_999.9, 1_000_000.0, False),
    "today": (950_400, 1_036_800, False),
    "yesterday": (864_000, 950_400, False),
    "now": (NOW, NOW, True),
    "-1h": (NOW - 3600, NOW - 3600, True),
    "-1m1s": (NOW - 61, NOW - 61, True),
}


def timed(field, relation, moment):
    measure, (start, end, is_point) = MEASURES[field], MOMENTS[moment]
    tests = {
        "{}..": lambda at: at >= start,
        ">={}": lambda at: at >= start,
        "<{}": lambda at: at < start,
        ">{}": lambda at: at > end if is_point else at >= end,
        "<={}": lambda at: at <= end if is_point else at < end,
        "..{}": lambda at: at <= end if is_point else at < end,
        "{}": lambda at: start <= at < end,
    }
    return Asked(
        f"{field}:{relation.format(moment)}",
        lambda one: measure(one) is not None and tests[relation](measure(one)),
    )


def named(text):
    tests = {
        "is:waiting": lambda one: one.state in {"PENDING", "RECEIVED"},
        "is:running": is_running,
        "is:finished": lambda one: one.state in {"SUCCESS", "FAILURE", "REVOKED"},
        "is:failed": lambda one: one.state == "FAILURE",
        "is:retried": lambda one: (one.retries or 0) > 0,
        "has:exception": lambda one: one.exception is not None,
        "has:parent": lambda one: one.parent_id is not None,
        "has:worker": lambda one: one.worker is not None,
        "queue:*": lambda one: one.queue is not None,
    }
    return Asked(text, tests[text])


def negated(part, form):
    return Asked(form.format(part.text), lambda one: not part.matches(one))


def joined(operator, parts):
    text = operator.join(f"({part.text})" if " OR " in part.text else part.text for part in parts)
    test = any if operator == " OR " else all
    return Asked(text, lambda one: test(part.matches(one) for part in parts))


SOME = TEXTS.filter(str.strip)
DURATIONS = st.sampled_from(["runtime", "running", "wait"])
TIMED = st.sampled_from(["received", "started", "sent", "finished", "updated"])
MEASURED = st.sampled_from(sorted(RELATIONS))
LEAVES = st.one_of(
    st.builds(word, SOME),
    st.builds(part, st.sampled_from([*WHOLE_OR_PART, "args", "result"]), SOME),
    st.builds(beginning, st.sampled_from(sorted({*WHOLE_OR_PART} - {"exception"})), TEXTS),
    st.builds(whole, st.sampled_from(sorted({*WHOLE_OR_PART} - {"exception"})), TEXTS),
    st.builds(of_class, TEXTS.filter(bool)),
    st.builds(state, st.sampled_from(STATES)),
    st.builds(
        argument,
        st.lists(st.sampled_from(["k", "J", "0", "1"]), min_size=1, max_size=3),
        SCALARS.map(str).filter(bool),
    ),
    st.builds(compared, st.just("retries"), MEASURED, st.integers(0, 11)),
    st.builds(between, st.just("retries"), st.integers(0, 11), st.integers(0, 11)),
    st.builds(
        compared,
        DURATIONS,
        MEASURED,
        st.sampled_from([0, 0.25, 1, 60]),
        st.sampled_from([("", 1), ("s", 1), ("m", 60)]),
    ),
    st.builds(between, DURATIONS, st.sampled_from([0, 1, 60]), st.sampled_from([0, 1, 3600])),
    st.builds(
        timed,
        TIMED,
        st.sampled_from(["{}..", ">={}", "<{}", ">{}", "<={}", "..{}"]),
        st.sampled_from(sorted(MOMENTS)),
    ),
    st.builds(
        timed,
        TIMED,
        st.just("{}"),
        st.sampled_from(sorted(key for key, (_, _, point) in MOMENTS.items() if not point)),
    ),
    st.builds(
        named,
        st.sampled_from(
            [
                "is:waiting",
                "is:running",
                "is:finished",
                "is:failed",
                "is:retried",
                "has:exception",
                "has:parent",
                "has:worker",
                "queue:*",
            ]
        ),
    ),
)
SEARCHES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds(negated, parts, st.sampled_from(["NOT ({})", "-({})"])),
        st.builds(
            joined, st.sampled_from([" ", " AND ", " OR "]), st.lists(parts, min_size=2, max_size=3)
        ),
    ),
    max_leaves=5,
)
UNHURRIED = settings(suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("name:SHOP", ["buy", "cart", "shop"]),
        ("name:shop*", ["buy", "shop"]),
        ("name:=Shop", ["shop"]),
        ("name:*", ["buy", "cart", "shop"]),
        ("-name:*", ["none"]),
        ("-name:shop*", ["cart", "none"]),
        ("NOT (name:=shop OR name:cart)", ["buy", "none"]),
    ],
)
def test_a_text_is_found_inside_at_the_beginning_or_whole(table, search, found):
    rows = (task("shop", name="shop"), task("buy", name="Shop.buy"), task("cart", name="cart.shop"))

    with table(*rows, task("none")) as tasks:
        assert tasks.uuids(search=parse_search(search), sort="uuid") == found


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("name:first", ["replaced"]),
        ("name:SHOP.f*", ["replaced"]),
        ("first", ["replaced"]),
        ("name:second", ["replaced"]),
        ("-name:first", ["other"]),
        ("name:=shop.first", []),
        ("name:=shop.second", ["replaced"]),
    ],
)
def test_a_task_that_was_replaced_is_found_by_both_its_names(table, search, found):
    rows = (
        task("replaced", name="shop.second", original_name="Shop.First"),
        task("other", name="shop.add"),
    )

    with table(*rows) as tasks:
        assert tasks.uuids(search=parse_search(search)) == found


def test_filters_are_whole_values_of_the_queue_and_the_class_of_the_exception(table):
    rows = (
        task("a", queue="Mail", exception="ValueError('Mail')"),
        task("b", queue="mails", exception="ValueErrors()"),
        task("c", exception="ValueError"),
        task("d"),
    )

    with table(*rows) as tasks:
        assert tasks.uuids(queue="mail") == ["a"]
        assert tasks.uuids(exception="valueerror", sort="uuid") == ["a", "c"]
        assert tasks.uuids(exception="ValueError", queue="mails") == []


@UNHURRIED
@given(TASKS, SEARCHES)
def test_a_search_finds_what_a_naive_filter_finds(table, tasks, asked):
    search = parse_search(asked.text)
    wanted = [one for one in tasks if asked.matches(one)]
    newest_first = sorted(wanted, key=attrgetter("timestamp", "uuid"), reverse=True)

    with table(*tasks) as written:
        assert written.uuids(search=search) == [one.uuid for one in newest_first]
        assert written.filtered(TaskQuery(search=search)) == len(wanted)


#: What people send, and what pages show of it: quotes, backslashes, line breaks, scripts.
SHOWN = st.text("aB'\"\\\n\t\r .:李雷éß😀\x00\u2028", min_size=1, max_size=6).filter(str.strip)


@UNHURRIED
@given(st.lists(SHOWN, min_size=1, max_size=3), st.sampled_from(["args", "kwargs", "result"]))
def test_each_text_of_a_value_is_found_as_the_tree_of_the_page_shows_it(table, texts, column):
    values = {"args": tuple(texts), "kwargs": {"k": texts}, "result": texts}
    written = saferepr(values[column], maxlen=None)
    shown = [repr(text)[1:-1] for text in texts]

    with table(task("found", **{column: written})) as tasks:
        for text in shown:
            assert tasks.uuids(search=parse_search(quoted(text))), (written, text)
            assert tasks.uuids(search=parse_search(f"{column}:{quoted(text)}")), (written, text)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("O'Brien", ["a"]),
        ("kwargs.name:O'Brien", ["a"]),
        ("李雷", ["b"]),
        ("李", ["b"]),
        ("雷", ["b"]),
        ("kwargs.name:李雷", ["b"]),
        (r"one\ntwo", ["c"]),
        (r"kwargs.name:one\ntwo", ["c"]),
        (r"C:\new\users", ["d"]),
        (r"kwargs.name:C:\new\users", ["d"]),
        ("worker:w1", ["a"]),
        ("w1", ["a"]),
        ("KeyError", ["e"]),
        ("insufficient", ["f"]),
        ("it's", ["f"]),
        ("exception:f", ["f"]),
        ("traceback:charge", ["f"]),
        ("charge", []),
    ],
)
def test_what_a_page_shows_is_found(table, search, found):
    names = ["O'Brien", "李雷", "one\ntwo", "C:\\new\\users"]
    rows = [
        task(uuid, kwargs=saferepr({"name": name}))
        for uuid, name in zip("abcd", names, strict=True)
    ]
    rows[0] = task("a", kwargs=rows[0].kwargs, worker=Worker("celery@w1"))
    failed = [
        task("e", exception=repr(KeyError("x"))),
        task(
            "f",
            exception=repr(ValueError('it\'s "insufficient" funds')),
            traceback='  File "shop.py", line 12, in charge',
        ),
    ]

    with table(*rows, *failed) as tasks:
        assert tasks.uuids(search=parse_search(search), sort="uuid") == found
