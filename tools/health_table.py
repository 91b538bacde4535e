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

Every few seconds (`problems_interval`) flower_ng judges what it knows by the rules below. What a
rule finds is a *problem* once it has lasted for `problems_hold` seconds, and is over once it was
gone for as long: nothing flaps. Until then it is *pending*: shown on the Overview and on
`/problems`, and told to nobody. After a start nothing is raised for `problems_quiet_start`
seconds. Where a rule can't know (no connection, a broker that does not tell, a start so short ago
that it has not seen enough), it says nothing: what it had found stays, also over a restart. A
problem whose worker is forgotten (`purge_offline_workers`), or was not heard of for a day, ends as
*no longer watched*.

A worker is **online** while its heartbeats come; **stopped** after it said that it goes offline,
which is no problem; **silent** when its heartbeats ended without that; **gone** after a day of
silence; and **unknown** as long as flower_ng has not listened for 10 seconds, or for two
heartbeats. While no events can arrive, all workers stay what they were. A worker that is purged
before `problem_worker_silent` seconds have passed is never told as silent.

Problems are on the page `/problems`, on the page of the worker, queue or task type concerned, in
`/api/problems`, and in the metric `flower_ng_problem{rule, subject}`, for which there are
[alert rules](prometheus.md). They can be muted for a while, with a reason. With `--persistent` or
`--history` they outlast a restart. Dashboards that share a history each watch for themselves, and
read what the others noted when they start: what several of them saw is one problem then, and over
when one of them saw its end.

Each rule has one threshold, an option; 0 turns the rule off. What is worded as *probably* is an
inference from what is seen, never knowledge.
"""
WEBHOOK = """\

## Who is told

Nobody is told by default. What is raised and what is over is told to everyone whom `webhook_url`
and `notify` name, gathered for `webhook_wait` seconds. A problem that returns is told again after
`webhook_cool_down` seconds, if it is still there; the end of a problem is told if its beginning
was. What is muted is not told, nor what was there before a restart. Each is told for itself: one
that is away holds up no other. `/problems` has a button that sends a test to all.

### Slack, e-mail, PagerDuty and others

`pip install 'flower-ng[apprise]'` brings [apprise](https://appriseit.com/services/), which knows
more than a hundred services, each by an address:

```
--notify=slack://TokenA/TokenB/TokenC/#ops,mailto://me:password@example.com?to=ops@example.com
```

A message has a title (the cluster, and what or how many), for each problem what to do, and
apprise's type: failure, warning, success (only ends) or info (a test). A service has 15 s, and is
tried again after 2 s, 10 s, 1, 5 and 15 minutes. The addresses hold secrets, so no part of them
is shown or logged, also where a service failed; better than on the command line they stand in the
environment (`FLOWER_NOTIFY`) or in `flowerconfig.py` (a list, `notify`).

### Webhook

With `webhook_url`, notices are posted there as JSON.

```json
{"version": 1, "id": "5f0c…", "sent_at": 1790000000.0, "cluster": "shop", "test": false,
 "text": "Worker silent w1@box", "raised": [{"rule": "worker-silent", "…": "…"}], "cleared": []}
```

Problems have the form that [`GET /api/problems`](api.md#problems) gives them. Any answer from 200
to 299 will do. Answers from 500 on, 408, 425, 429, and none within 10 s are tried again after 2 s,
10 s, 1, 5 and 15 minutes, with the same `id`; redirects are not followed. With `webhook_secret`
each post has the header `Flower-Signature: t=<UTC seconds>,v1=<hex>`: HMAC-SHA256, with the secret
as its key, of the time, a dot, and the body as it came.

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
