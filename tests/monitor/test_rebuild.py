from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from celery.utils.saferepr import saferepr

from flower_ng.monitor.remote.rebuild import rebuilt

EXACT = [
    (),
    (1, -2, 2.5, None, True, "text", "it's"),
    ["a\nb\tc", 'say "so"', "ünï", ""],
    {"order": {"lines": [1, 2]}, "": None},
    {"it's": "it's so"},
    ("x" * 5000,),
    ({1, 2}, set()),
]
REPAIRED = [
    ((datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),), ("datetime",)),
    ((datetime(2024, 1, 2, 3, 4, tzinfo=ZoneInfo("Europe/Berlin")),), ("datetime",)),
    ((datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=-5))),), ("datetime", "timedelta")),
    ([date(2024, 1, 2), timedelta(days=1, seconds=3)], ("date", "timedelta")),
    ({"price": Decimal("1.50"), "id": UUID(int=5)}, ("Decimal", "UUID")),
]


@pytest.mark.parametrize("value", EXACT, ids=str)
def test_what_celery_wrote_is_read_as_it_was(value):
    found = rebuilt(saferepr(value))

    assert (found.value, found.why_not, found.repaired) == (value, "", ())
    assert type(found.value) is type(value)


@pytest.mark.parametrize(("value", "kinds"), REPAIRED, ids=str)
def test_what_has_a_known_form_is_repaired_and_named(value, kinds):
    found = rebuilt(saferepr(value))

    assert (found.value, found.repaired) == (value, kinds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no event told"),
        (saferepr(("x" * 3000,), maxlen=1024), "shortened"),
        (saferepr(list(range(2000)), maxlen=1024), "shortened"),
        (saferepr({"a": {"b": {"c": {"d": 1}}}}), "shortened"),
        (saferepr(("a\\b",)), "backslash"),
        (saferepr(("ends with \\", ", ")), "backslash"),
        ("(<object object at 0x7f11>,)", "no Python literal"),
        ("(Color(1),)", "Color(…)"),
        ("(os.system('x'),)", "os.system(…)"),
        ("('***',)", "hidden"),
        ("{'password': '[Filtered]'}", "hidden"),
        ("(1,2)", "more than one"),
        ("('I wait...',)", "shortened"),
        ("('a… (9000 characters)b',)", "shortened"),
        ("(b'x',)", "can't be rebuilt"),
        ("(nan,)", "can't be rebuilt"),
        ("(UUID('x'),)", "no Python literal"),
        ("(datetime.datetime(2024, 1, 2, 0, 0, tzinfo=zoneinfo.ZoneInfo(key='No/Such')),)", "zone"),
        ("[" * 5000 + "]" * 5000, "no Python literal"),
        ("(" + "9" * 60_000 + ",)", "no Python literal"),
    ],
)  # fmt: skip
def test_what_is_not_sure_is_not_rebuilt_and_says_why(text, words):
    found = rebuilt(text)

    assert found.value is None
    assert words in found.why_not
