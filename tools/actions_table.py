"""Writes docs/actions.md from the declared actions; a test compares it."""

from collections.abc import Iterator
from pathlib import Path

from flower_ng.monitor.remote.action import Action, ActionArgument
from flower_ng.monitor.remote.all_actions import ACTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "actions.md"
INTRODUCTION = """\
# Actions

This page is generated from the declared actions (`flower_ng/monitor/remote/all_actions.py`) by
`make docs`. What each route answers is in [the REST API](api.md).

Every action can be **reviewed** before it is done. `POST` to its route with `?dry_run=1` does
nothing and answers

| key | meaning |
| --- | --- |
| `action`, `target` | the route, and what it is about |
| `effect` | what will happen, in sentences |
| `count` | how many are concerned, null where that is not known |
| `preflight` | `ready`, `needs your eye` (there are cautions) or `blocked` |
| `details` | what else will be so |
| `missing` | arguments that must be given, and why |
| `refusals` | what will be refused, and why |
| `cautions` | what to think of before |
| `unknowns` | what can't be known before |
| `facts` | what all of this rests on |
| `digest` | stands for the action and these facts |

The same call with `digest` is done only if the facts are still the same; else it answers 409 with
what has changed, and nothing is done. A digest is good for one call: the same one again is
answered with 409, so that nothing is done twice by a double click or a retry, until there is a new
review; it stays good after a call that certainly did nothing. `args` and `kwargs` of a new run are
no part of its digest: they may be given with the call. A call without `digest` is done at once, as
in Flower. Pages show the review first for the actions that the table marks, in a drawer or,
without JavaScript, as a page. Any call may say why with `reason`, which the audit records; with
`--require_reason` those that the table marks must, else they answer 400.

## Many tasks at once

Rows of `/tasks` can be ticked (with Shift a range, in the head of the list the page), or all that
match the search be chosen. The review looks for them once: they are those that matched then, and
its digest names them. To forget them takes no time; all else is a **batch**, with a page of its own
(`/batches/{id}`), on `/actions` and at `GET /api/batches/{id}`.

A batch takes the tasks one after the other, at a rate (10 a second, or what you choose, also while
it runs). It does what the action on one task does, and lists what came of each:

| outcome | meaning |
| --- | --- |
| `waiting` | nothing was done for it yet; of a batch that was stopped: nothing will be |
| `sending` | it is being sent now |
| `done` | it was sent, and no worker waited for; events tell the state of a new run |
| `refused` | nothing was sent, and why |
| `unknown` | whether it was sent is not known: look for the id that it was to have |

Each task is written into the history before it is sent. So a batch that is broken off, even by
kill -9, is paused when the dashboard is there again, and goes on where it was: nothing is sent
twice, and what was being sent just then is `unknown`, unless an event has told of it meanwhile. A
batch pauses by itself when

- more than half of the newest 20 tasks that it started and that ended have failed (`most_failed`);
- a queue that it sends to has more than 1000 messages (`most_waiting`), as measured every ten
  seconds;
- the broker or the history does not answer, or whether a task was sent is not known.

Without a history on disk (`--persistent`, `--history`) a batch ends with the process; its review
and its page say so.

## Who did what

`/actions` tells operators what was done, by whom and with what outcome, the newest first, with the
batches that go on above. The page of a task, a worker or a queue tells what was done to it.

## All actions
"""


def page() -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION, *table()))


def table() -> Iterator[str]:
    """The lines of the table, a row for each action."""
    yield "| route | who | arguments | effect | always reviewed on pages |"
    yield "| --- | --- | --- | --- | --- |"
    yield from map(row, ACTIONS)
    yield ""


def row(action: Action) -> str:
    """One row."""
    arguments = "; ".join(map(told, action.arguments))
    reviewed = "yes" if action.is_reviewed else ""
    target = action.target.replace(" ", "-")
    effect = action.effect.replace("{target}", f"`{{{target}}}`").replace("|", "\\|")
    for argument in action.arguments:
        effect = effect.replace(f"{{{argument.name}}}", f"`{argument.name}`")
    who = "admin" if action.administers else "operator"
    route = f"/api/{action.route}" + (f"/{{{target}}}" if target else "")
    return f"| `{route}` | {who} | {arguments} | {effect} | {reviewed} |"


def told(argument: ActionArgument) -> str:
    """One argument: its name, what it is, its bounds, and what stands for it."""
    parts = [argument.meaning, argument.bounds]
    if argument.is_required:
        parts.append("required")
    elif argument.default not in (None, False):
        parts.append(f"`{argument.default}` by default")
    return f"`{argument.name}`: {', '.join(filter(None, parts))}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
