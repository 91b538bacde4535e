"""Who is told what: together, not again and again, and that it is over."""

from dataclasses import replace

from flower_ng.health.engine import ProblemChanges
from flower_ng.health.notify.digest import Notice, NoticeDigest
from flower_ng.health.problem import Mute, Problem

COOL_S = 3600.0


def problem(subject: str = "w1@box", **about) -> Problem:
    usual = Problem(
        "worker-silent", "worker", "error", "Worker silent", subject, {}, "Look.", 1.0, 2.0, 3.0
    )
    return replace(usual, **about)


def raised(*problems: Problem) -> ProblemChanges:
    return ProblemChanges(raised=problems or (problem(),))


def cleared(*problems: Problem) -> ProblemChanges:
    return ProblemChanges(cleared=problems or (problem(cleared=9.0),))


def test_what_came_together_is_told_together():
    notices = NoticeDigest(COOL_S)
    notices.take(raised(problem("a"), problem("b")))

    told = notices.due(100.0)

    assert told is not None
    assert told.text == "Worker silent a\nWorker silent b"
    assert notices.due(101.0) is None


def test_the_end_of_what_was_told_is_told():
    notices = NoticeDigest(COOL_S)
    notices.take(raised())
    notices.due(100.0)
    notices.take(cleared())

    assert notices.due(200.0) == Notice(cleared=(problem(cleared=9.0),))


def test_what_ended_before_it_was_told_is_not():
    notices = NoticeDigest(COOL_S)
    notices.take(raised())
    notices.take(cleared())

    assert notices.due(100.0) is None


def test_what_returns_is_told_again_only_after_the_cool_down():
    notices = NoticeDigest(COOL_S)
    notices.take(raised())
    notices.due(100.0)
    notices.take(cleared())
    notices.due(200.0)
    notices.take(raised())

    assert notices.due(300.0) is None
    assert notices.due(100.0 + COOL_S) == Notice(raised=(problem(),))


def test_what_returns_before_its_end_was_told_has_not_ended():
    notices = NoticeDigest(COOL_S)
    notices.take(raised())
    notices.due(100.0)
    notices.take(cleared())
    notices.take(raised())

    assert notices.due(200.0) is None


def test_what_is_muted_is_told_when_it_is_not_any_more():
    notices = NoticeDigest(COOL_S)
    notices.take(raised())

    assert notices.due(100.0, {problem().key}) is None
    assert notices.due(200.0) == Notice(raised=(problem(),))


def test_after_a_restart_the_end_of_what_was_there_before_is_told():
    notices = NoticeDigest(COOL_S)
    mute = Mute("worker-silent", "muted", 1e9, "known", "me")
    notices.adopt([problem(), problem("muted", mute=mute)])
    notices.take(cleared(problem(cleared=9.0), problem("muted", cleared=9.0)))

    assert notices.due(100.0) == Notice(cleared=(problem(cleared=9.0),))


def test_what_was_told_before_a_restart_is_told_again_only_after_the_cool_down():
    notices = NoticeDigest(COOL_S)
    notices.adopt([], [problem(raised=50.0, cleared=90.0)])
    notices.take(raised())

    assert notices.due(100.0) is None
    assert notices.due(50.0 + COOL_S) == Notice(raised=(problem(),))


def test_the_end_of_what_is_not_watched_any_more_is_told_as_that():
    notices = NoticeDigest(COOL_S)
    notices.take(raised())
    notices.due(100.0)
    notices.take(cleared(problem(cleared=9.0, ended="its worker was forgotten")))

    told = notices.due(200.0)

    assert told is not None
    assert told.text == "No longer watched (its worker was forgotten): Worker silent w1@box"
