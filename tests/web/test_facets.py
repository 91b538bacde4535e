"""Counts that are estimates are told as estimates, each in its own place."""

from flower_ng.web.pages.tasks.facets import Summary, facets, tabs
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Listing

COUNTS = {
    "state": (("SUCCESS", 90), ("FAILURE", 10)),
    "name": (("shop.pay", 100),),
    "worker": (("w1@box", 100),),
    "queue": (),
    "exception": (),
}
LISTING = Listing("/tasks", sort="-received", size=50)


def shown(*estimated):
    summary = Summary(COUNTS, None, frozenset(estimated))
    links = Links("")
    found = {one.field: one.values for one in facets(summary, "", LISTING, links)}
    return {**found, "state": tuple(tabs(summary, "", LISTING, links))}


def test_each_count_of_a_sampled_facet_is_an_estimate_and_no_other():
    found = shown("name")

    assert all(one.is_estimate for one in found["name"])
    assert not any(one.is_estimate for one in (*found["worker"], *found["state"]))


def test_each_tab_of_sampled_states_is_an_estimate_that_of_all_too():
    assert all(one.is_estimate for one in shown("state")["state"])


def test_exact_counts_are_no_estimates():
    assert not any(one.is_estimate for values in shown().values() for one in values)
