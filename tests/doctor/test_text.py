"""The report as a terminal shows it, and as JSON."""

from flower_ng.doctor import Check, CheckMark, Report
from flower_ng.doctor.text import lines, plain

FOUND = (
    Check("Broker", "Reached", CheckMark.OK, "redis://box"),
    Check("Workers", "Clock", CheckMark.ATTENTION, "40 s ahead", "NTP", ("a", "b", "c", "d", "e")),
)


def test_every_line_has_a_shape_and_a_word_and_what_changes_it():
    told = list(lines(Report(0.0, 1.25, FOUND)))

    assert told[0] == "Broker"
    assert told[1].split() == ["✓", "ok", "Reached:", "redis://box"]
    assert told[4].split()[:2] == ["!", "attention"]
    assert told[4].endswith("Clock (a, b, c and 2 more): 40 s ahead")
    assert told[5].split() == ["→", "NTP"]
    assert told[-1] == "2 checks in 1.2 s: 1 attention, 1 ok."


def test_the_json_holds_every_subject_and_the_exit_code():
    told = plain(Report(0.0, 1.25, FOUND))

    assert told["code"] == 1
    assert told["counts"] == {"attention": 1, "ok": 1}
    assert told["checks"][1]["subjects"] == ["a", "b", "c", "d", "e"]


def test_nothing_found_is_a_report_too():
    assert plain(Report(0.0, 0.0, ()))["code"] == 0
