"""What exceptions of one kind have in common."""

import time

import pytest

from flower_ng.store.sql.kinds import likeness, pieces


@pytest.mark.parametrize(
    ("line", "alike"),
    [
        (None, ""),
        ("", ""),
        ("SoftTimeLimitExceeded()", ""),
        ("TimeLimitExceeded(300,)", "{n}"),
        ("ValueError('Order 17 not found')", "Order {n} not found"),
        ('ValueError("Order 17 not found")', "Order {n} not found"),
        ("Order 17 not found", "Order {n} not found"),
        ("<Oops: went wrong at 0x7f11aa>", "went wrong at {hex}"),
        ("<Order object at 0x7f11aa>", "<Order object at {hex}>"),
        ("KeyError('customer_17')", "customer_{n}"),
        ("OSError(111, 'Connection refused')", "{n} · Connection refused"),
        ("ValueError('no stock of \"apples\", only `pears`')", "no stock of {value}, only {value}"),
        ("ValueError(\"can't do that: don't\")", "can't do that: don't"),
        ("ValueError('took -1.5e-3 s of 1,000.5')", "took {n} s of {n}"),
        ("E('id 9b2c7a50-1111-2222-3333-444455556666 is gone')", "id {id} is gone"),
        ("E('charge ch_1Nffr2qnd399xxABCDEF failed')", "charge {id} failed"),
        ("E('commit a1b2c3d4e5f6 is no ancestor')", "commit {hex} is no ancestor"),
        ("E('the facade effaced decade')", "the facade effaced decade"),
        ("E('to bob@example.com and ann+x@a.b')", "to {address} and {address}"),
        ("E('10.0.0.3:5432 and fe80::1 refuse')", "{address} and {address} refuse"),
        ("E('std::string and a::b')", "std::string and a::b"),
        ("E('due 2026-01-02T03:04:05.678Z or 12:30')", "due {time} or {time}"),
        ("E('/srv/in/17.csv: row 4')", "/srv/in/{n}.csv: row {n}"),
        ("E('cut after 5 ...", "cut after {n} ..."),
        ("E({'a': 1})", "{{value}: {n}}"),
        ("E(Other('x 1'))", "Other({value})"),
        ("call(7) went wrong", "call({n}) went wrong"),
        ("Fehler 7: größer als Ω", "Fehler {n}: größer als Ω"),
    ],
)
def test_what_differs_each_time_is_a_mark(line, alike):
    assert likeness(line) == alike


@pytest.mark.parametrize(
    "begin", ["'", '"', "a", "1", "1:", "a@", "ab12", ".", "((", "f", "1.1.", "\\", "a::", "-1e"]
)
def test_it_takes_a_short_time_for_any_text(begin):
    line = f"E('{begin * 100_000}"
    started = time.perf_counter()

    found = likeness(line)

    assert len(found) <= 7 * 300 / 2
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize(
    ("alike", "found"),
    [
        ("", []),
        ("{n}", []),
        ("Order {n} not found", ["not found", "Order"]),
        ("{n} · Connection refused · by {address}", ["Connection refused"]),
    ],
)
def test_pieces_are_what_stands_in_each_text(alike, found):
    assert pieces(alike) == found
