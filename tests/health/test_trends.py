"""For how long a queue grows is told by the least length of each minute."""

from flower_ng.health.facts.trends import GOOD_S, Trends
from tests.health.making import NOW


class Sampled:
    """Trends of one queue, sampled every ten seconds."""

    def __init__(self) -> None:
        self.now = NOW
        self.trends = Trends(lambda: self.now)

    def lengths(self, *lengths: int | None) -> "Sampled":
        for length in lengths:
            self.trends.note("q", length, None)
            self.now += 10
        return self

    @property
    def growing_s(self) -> float:
        (queue,) = self.trends.facts((), self.now) or ()
        return queue.growing_s


def test_a_queue_that_is_taken_from_in_bursts_grows_all_the_same():
    sampled = Sampled().lengths(*(10 * step - 9 * (step % 5) for step in range(60)))

    assert sampled.growing_s > 500


def test_a_queue_that_goes_up_and_down_does_not_grow():
    sampled = Sampled().lengths(*(100 + 50 * (step // 12 % 2) for step in range(120)))

    assert sampled.growing_s < 300


def test_what_was_not_known_for_a_time_begins_anew():
    assert Sampled().lengths(*range(0, 600, 10), None, 700).growing_s == 0


def test_an_old_sample_says_nothing():
    sampled = Sampled().lengths(5)
    sampled.now += GOOD_S

    assert sampled.trends.facts((), sampled.now) is None
