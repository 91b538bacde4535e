"""Names that anybody may have chosen reach logs, webhooks and mails only in a harmless form."""

import json
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.log import LogFormatter

from flower_ng.cli.log_format import formatter
from flower_ng.health.notify.apprise import Messenger
from flower_ng.health.notify.digest import Notice
from flower_ng.health.notify.webhook import Webhook
from flower_ng.health.problem import Problem
from flower_ng.printable import one_line
from flower_ng.redaction import Redactor

SOURCES = Path(__file__).resolve().parents[2] / "flower_ng"
#: What ends a line, overwrites it, turns it around, or calls everybody.
HOSTILE = "w1\r\nERROR \x1b[2J\u202egpj\u2028<!channel> <@U1> @everyone\x00\ud800@box"
RAW = ("\r", "\n", "\x1b", "\u202e", "\u2028", "\x00", "\ud800", "<!", "<@", " @everyone")
PROBLEM = Problem("worker-gone", "worker", "error", f"Gone {HOSTILE}", HOSTILE, {"last": HOSTILE},
                  f"Look at {HOSTILE}", 1.0, 2.0, 3.0, ended=HOSTILE)  # fmt: skip
NOTICES = (Notice((PROBLEM,)), Notice((), (PROBLEM,)), Notice((PROBLEM, PROBLEM), (PROBLEM,)))


def is_harmless(text: str) -> bool:
    return not any(raw in text for raw in RAW)


def test_one_line_shows_what_it_can_of_a_name() -> None:
    assert is_harmless(one_line(HOSTILE))
    assert one_line("w1@box größe 日本 <b>") == "w1@box größe 日本 <b>"
    assert one_line("a\tb\x1b") == "a\\tb\\x1b"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("redact", ["off", "default", "strict"])
def test_no_log_line_holds_one(form: str, redact: str) -> None:
    written = formatter(form, Redactor(redact), LogFormatter(color=False))
    try:
        int(HOSTILE)
    except ValueError:
        record = logging.LogRecord(
            "any", logging.INFO, __file__, 1, "%s by %s", (HOSTILE, 1), sys.exc_info()
        )
    lines = written.format(record)
    assert all(is_harmless(line) for line in lines.split("\n"))
    assert lines.count("w1") >= 2
    if form == "json":
        assert {"time", "level", "logger", "message", "traceback"} <= json.loads(lines).keys()
    wrong = logging.LogRecord("any", logging.INFO, __file__, 1, "%d of %d", ("x",), None)
    assert "could not be written" in written.format(wrong)


@pytest.mark.parametrize("notice", NOTICES)
def test_no_webhook_holds_one(notice: Notice) -> None:
    body = json.loads(Webhook("http://h/", None, "shop", lambda: 1.0).body(notice))

    def texts(value: object) -> list[str]:
        if isinstance(value, dict):
            return [text for one in value.values() for text in texts(one)]
        if isinstance(value, list):
            return [text for one in value for text in texts(one)]
        return [value] if isinstance(value, str) else []

    lines = [line for text in texts(body) for line in text.split("\n")]
    assert all(map(is_harmless, lines))
    assert len(body["text"].split("\n")) == len(notice.raised) + len(notice.cleared)


@pytest.mark.parametrize("notice", NOTICES)
def test_no_mail_holds_one_and_its_subject_is_a_line(notice: Notice) -> None:
    letter = Messenger.body(SimpleNamespace(_cluster="shop"), notice)  # type: ignore[arg-type] # needs no apprise
    assert is_harmless(letter.title)
    assert all(map(is_harmless, letter.text.split("\n")))


def test_logs_are_written_by_no_other_formatter() -> None:
    """What is logged is made harmless where it is written, so that no call can forget it."""
    makes = re.compile(
        r"logging\.(?:StreamHandler|FileHandler|basicConfig|Formatter)\b|setFormatter"
    )
    found = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if makes.search(path.read_text())
    }
    assert found == {"cli/log_format.py", "cli/serving.py"}


def test_what_sends_notices_is_tried_here() -> None:
    senders = {path.name for path in (SOURCES / "health" / "notify").glob("*.py")} - {"__init__.py"}
    assert senders == {"apprise.py", "webhook.py", "delivery.py", "digest.py"}
