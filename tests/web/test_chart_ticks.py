"""The ticks of a chart are told apart, and its curves are drawn to the same scale."""

import pytest

from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.charts import HEIGHT, MARGIN, curves, ticks


def whole(value):
    return fmt.number(None if value is None else round(value))


@pytest.mark.parametrize(
    ("most", "show", "labels"),
    [
        (1, whole, ["0", "1", "2"]),
        (3, whole, ["0", "2", "4"]),
        (0.3, fmt.span, ["0", "1 s", "2 s"]),
        (0, whole, ["0", "1", "2"]),
        (0, fmt.share, ["0", "50 %", "100 %"]),
        (1, fmt.share, ["0", "50 %", "100 %"]),
        (0.001, fmt.rate, ["0", "< 0.01/s", "0.01/s"]),
        (7, fmt.rate, ["0", "5/s", "10/s"]),
        (float("inf"), lambda _: "always", ["0", "always", "always"]),
    ],
)
def test_ticks_are_told_apart(most, show, labels):
    found = ticks(most, show)

    assert [tick.label for tick in found] == labels
    assert [tick.y for tick in found] == [HEIGHT, pytest.approx((HEIGHT + MARGIN) / 2), MARGIN]


def test_a_curve_has_the_scale_of_the_ticks():
    (curve,) = curves([("most", "mid", [0, 1])], 1, whole)
    middle = ticks(1, whole)[1].y

    assert curve.path == f"M150.0 {HEIGHT}.0L450.0 {middle:.1f}"


def test_without_values_there_are_none():
    assert ticks(None, whole) == ()
