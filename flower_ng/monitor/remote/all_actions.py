"""Every action that is declared, in the order of the documentation. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action
from flower_ng.monitor.remote.batch_actions import BATCH_ACTIONS
from flower_ng.monitor.remote.command_list import COMMANDS
from flower_ng.monitor.remote.deploy_actions import DEPLOY_ACTIONS
from flower_ng.monitor.remote.failure_actions import FAILURE_ACTIONS
from flower_ng.monitor.remote.hold_actions import HOLD_ACTIONS
from flower_ng.monitor.remote.schedule_actions import SCHEDULE_ACTIONS
from flower_ng.monitor.remote.task_actions import TASK_ACTIONS

ACTIONS: Final[tuple[Action, ...]] = (
    *COMMANDS,
    *TASK_ACTIONS,
    *BATCH_ACTIONS,
    *HOLD_ACTIONS,
    *FAILURE_ACTIONS,
    *DEPLOY_ACTIONS,
    *SCHEDULE_ACTIONS,
)
