"""What may be done about an entry of beat's schedule, each action declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

ENTRY: Final = "entry"
SOURCE: Final = ActionArgument(
    "source",
    str,
    "which one, where two places have an entry of this name: beat_schedule, django-celery-beat or"
    " RedBeat",
    default="",
)
RUN: Final = Action(
    "run now",
    "schedule/run",
    "Run now",
    "Send the task of a scheduled entry now",
    "A new task is sent, with the arguments and options of the entry. Beat takes no notice of it:"
    " when the entry is due next does not change.",
    target=ENTRY,
    arguments=(SOURCE,),
    is_reviewed=True,
)
ENABLE: Final = Action(
    "enable",
    "schedule/enable",
    "Enable",
    "Enable an entry of django-celery-beat or RedBeat",
    "The entry is enabled in its store: beat sends its task again whenever it is due.",
    target=ENTRY,
    arguments=(SOURCE,),
    is_reviewed=True,
    administers=True,
)
DISABLE: Final = Action(
    "disable",
    "schedule/disable",
    "Disable",
    "Disable an entry of django-celery-beat or RedBeat",
    "The entry is disabled in its store: beat does not send its task any more, until somebody"
    " enables the entry. Tasks that were sent stay.",
    target=ENTRY,
    arguments=(SOURCE,),
    is_reviewed=True,
    administers=True,
)
SCHEDULE_ACTIONS: Final = (RUN, ENABLE, DISABLE)
