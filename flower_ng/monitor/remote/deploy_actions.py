"""Telling of a deploy, and taking that back, each declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

#: Characters of a name or a version, and of a link.
NAME_LENGTH: Final = 200
LINK_LENGTH: Final = 2_000

TELL: Final = Action(
    "deploy",
    "deploys",
    "Tell",
    "Tell that something was deployed now",
    "All charts mark this moment, and what changed since is compared with what was before. Nothing"
    " happens to any worker.",
    target="",
    arguments=(
        ActionArgument("name", str, "what was deployed", is_required=True),
        ActionArgument("version", str, "its version", default=""),
        ActionArgument("link", str, "an address of it, https:// or http://", default=""),
    ),
)
REMOVE: Final = Action(
    "remove",
    "deploys/remove",
    "Remove",
    "Remove a deploy that was told by mistake",
    "Charts do not mark this moment any more.",
    target="deploy",
)
DEPLOY_ACTIONS: Final = (TELL, REMOVE)
