"""Writes docs/health.md from RULES and OPTIONS; a test holds the page to it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from flower_ng.health import RULES, Rule
from flower_ng.settings import OPTIONS, Option

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "health.md"
INTRODUCTION = """\
# What flower_ng watches

This page is generated from `flower_ng/health/` and `flower_ng/settings/problems.py` by `make docs`.

Every few seconds (`problems_interval`) flower_ng applies the rules below. What a rule finds is
raised as a *problem* once it has lasted for `problems_hold` seconds, and resolved once it was
absent for as long, so nothing flaps. Until then it is *pending*: shown on the Overview and on
`/problems`, without notifications. After a start nothing is raised for `problems_quiet_start`
seconds. If a rule can't know (no connection, a broker that does not say, too little time since the
start), its earlier problems stay as they are, also over a restart. A problem whose worker is
forgotten (`purge_offline_workers`), or was not heard of for a day, ends as *no longer watched*.

A worker is **online** while its heartbeats arrive; **stopped** after it announced that it goes
offline, which is no problem; **silent** when its heartbeats ended without that; **gone** after a
day of silence; and **unknown** until flower_ng has listened for 10 seconds, or for two heartbeats.
A worker with a solo pool sends nothing while a task runs, not even that it started: silent ones
are **maybe busy** for an hour, then silent. So are those that have not answered which pool they
have (shown as *silent, pool unknown*), unless a heartbeat or the start of a task came while it
ran, which a solo pool never sends.
Nobody can tell whether such a worker is dead, so no rule finds it and the verdict is not *ok*
after a minute of it. Workers with gevent or eventlet fall silent too while a task does not yield;
nothing tells that apart, and they are silent. While no events can arrive, all workers keep their
state. Silence counts only up to the broker's last sign of life: a message, Redis's answer to a
ping, a heartbeat of AMQP. While RabbitMQ has an alarm and takes no messages, as its management
API tells, all workers keep their state too. A broker that is frozen makes no worker silent, also
before anybody can notice that it is; that the last worker of a quiet cluster fell silent is told
up to 2 s later for it on Redis, and 20 s on RabbitMQ. A worker that is purged before
`problem_worker_silent` seconds have passed never counts as silent.

Problems are on the page `/problems`, on the page of the worker, queue or task type concerned, in
`/api/problems`, and in the metric `flower_ng_problem{rule, subject}`, for which there are [alert
rules](prometheus.md). They can be muted for a while, with a reason. With `--persistent` or
`--history` they outlast a restart. Dashboards that share a history each watch by themselves, and
read the others' notes when they start: what several of them found is then one problem, and resolved
when one of them saw its end.

Each rule has one threshold, an option; 0 turns the rule off. *Probably* marks an inference.
"""
WEBHOOK = """\

## Notifications
 By default no notifications are sent. Raised and resolved problems are sent to every receiver in
`webhook_url` and `notify`, gathered for `webhook_wait` seconds. A problem that returns is sent
again after `webhook_cool_down` seconds, if it still lasts; its end is sent if its beginning was.
Muted problems are not sent, nor those that were there before a restart. Receivers are independent;
a failing one does not delay the rest. `/problems` has a button that sends a test to all.

### Slack, e-mail, PagerDuty and others
 `pip install 'flower-ng[apprise]'` installs [apprise](https://appriseit.com/services/), which
supports more than a hundred services. Each receiver is an address:

```
--notify=slack://TokenA/TokenB/TokenC/#ops,mailto://me:password@example.com?to=ops@example.com
```

A message has a title (the cluster, and which problem or how many), the advice for each problem, and
apprise's type: failure, warning, success (only resolved problems) or info (a test). A service has
15 s to answer; after a failure it is tried again after 2 s, 10 s, 1, 5 and 15 minutes. Addresses
contain secrets, so no part of them is shown or logged. Put them into the environment
(`FLOWER_NOTIFY`) or into `flowerconfig.py` (a list, `notify`) rather than on the command line.

### Webhook

With `webhook_url`, notices are posted there as JSON.

```json
{"version": 1, "id": "5f0c…", "sent_at": 1790000000.0, "cluster": "shop", "test": false,
 "text": "Worker silent w1@host", "raised": [{"rule": "worker-silent", "…": "…"}], "cleared": []}
```

Problems have the form of [`GET /api/problems`](api.md#problems). Any status from 200 to 299 is a
success. After a status from 500 on, 408, 425 or 429, or no answer within 10 s, the notice is sent
again after 2 s, 10 s, 1, 5 and 15 minutes, with the same `id`. Redirects are not followed. With
`webhook_secret` each request has the header `Flower-Signature: t=<UTC seconds>,v1=<hex>`:
HMAC-SHA256, with the secret as its key, of the time, a dot, and the body as received.

```python
import hashlib
import hmac


def is_ours(header: str, body: bytes, secret: str) -> bool:
    at, given = (part.partition("=")[2] for part in header.split(","))
    signed = at.encode() + b"." + body
    return hmac.compare_digest(given, hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())
```
"""
ABOUT = {
    "cluster": "The whole cluster",
    "broker": "The broker",
    "worker": "A worker",
    "queue": "A queue",
    "type": "A task type",
    "schedule": "An entry of the schedule",
}


def page() -> str:
    """The whole page."""
    options = {option.name: option for option in OPTIONS}
    return INTRODUCTION + "".join(f"\n{section}" for section in sections(options)) + WEBHOOK


def sections(options: Mapping[str, Option]) -> Iterator[str]:
    """The rules by what they are about."""
    for about, words in ABOUT.items():
        rules = [rule for rule in RULES if rule.about == about]
        if rules:
            rows = "\n".join(row(rule, options[rule.option]) for rule in rules)
            yield f"## {words}\n\n{HEAD}\n{rows}\n"


HEAD = """\
| rule | problem | option, default | threshold | what to do |
| --- | --- | --- | --- | --- |"""


def row(rule: Rule, option: Option) -> str:
    """One rule."""
    name = f"`{rule.name}`<br>{rule.severity}"
    threshold = f"`{option.name}`, {option.default:g}"
    return f"| {name} | {rule.title} | {threshold} | {option.help} | {rule.advice} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
