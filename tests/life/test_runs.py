"""What is known of one run, and the order of events."""

from flower_ng.life.runs import TaskEvent, in_order


def test_events_of_one_time_have_one_order():
    events = [TaskEvent("received", 1.0, f"w{number}@box") for number in range(60)]

    assert in_order(events) == in_order(reversed(events))
