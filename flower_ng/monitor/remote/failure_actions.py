"""What may be done about a kind of failures, each action declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

FAILURE: Final = "failure"
#: A kind of failures may be muted for so long.
LONGEST_S: Final = 90 * 86_400
USUAL_S: Final = 86_400.0

RESOLVE: Final = Action(
    "resolve",
    "failures/resolve",
    "Resolve",
    "Resolve a kind of failures, with a reason",
    "Failures of this kind are listed as resolved. They are open again by themselves as soon as"
    " another task fails like this. No task is touched.",
    target=FAILURE,
)
REOPEN: Final = Action(
    "reopen",
    "failures/reopen",
    "Reopen",
    "Open a resolved kind of failures again",
    "Failures of this kind are listed as open again.",
    target=FAILURE,
)
NOTE: Final = Action(
    "note",
    "failures/note",
    "Save",
    "Say who looks into a kind of failures, and what is known of it",
    "The list of failures shows who looks into this kind, and its page the note.",
    target=FAILURE,
    arguments=(
        ActionArgument("assignee", str, "who looks into it; nobody where left out", default=""),
        ActionArgument("note", str, "what is known of it; nothing where left out", default=""),
    ),
)
MUTE: Final = Action(
    "mute",
    "failures/mute",
    "Mute",
    "Mute a kind of failures for a while, with a reason",
    "Failures of this kind are left out of the list for a while, unless it is asked for muted"
    " ones. They are counted and kept as before.",
    target=FAILURE,
    arguments=(
        ActionArgument(
            "for", float, "for how long", default=USUAL_S, least=1, most=LONGEST_S, unit="seconds"
        ),
    ),
)
UNMUTE: Final = Action(
    "unmute",
    "failures/unmute",
    "Unmute",
    "List a muted kind of failures again",
    "Failures of this kind are listed again.",
    target=FAILURE,
)
FAILURE_ACTIONS: Final = (RESOLVE, REOPEN, NOTE, MUTE, UNMUTE)
