"""AuditEntry is one record of who did what. Any thread."""

from collections.abc import Mapping

import msgspec

#: What came of an action. Of one that is UNCERTAIN it is not known whether it was done.
DONE, REFUSED, FAILED, UNCERTAIN = OUTCOMES = ("done", "refused", "failed", "uncertain")


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """One action, or one login: who did what, from where, on what, and what came of it.

    `at` is UTC seconds. `who` is a name, `how` the way in which it was shown: `session`, `basic`,
    `anonymous`. `action` is the route without `/api/`, or `login` and `logout`; `target` is what
    the path names. `parameters` and `result` hold no secrets. `status` is that of the answer,
    `reason` why it was not done. `is_form` is that a button of a page was pressed.
    """

    at: float
    who: str
    how: str
    peer: str
    action: str
    target: str = ""
    parameters: Mapping[str, str] = {}
    outcome: str = DONE
    status: int = 200
    reason: str = ""
    result: str = ""
    is_form: bool = False
