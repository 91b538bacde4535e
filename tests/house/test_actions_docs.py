import importlib.util
from pathlib import Path
from string import Formatter

from flower_ng.monitor.remote.all_actions import ACTIONS
from flower_ng.monitor.remote.command_list import COMMANDS
from flower_ng.web.api.write import ReviewedWrite
from flower_ng.web.routes import ENDPOINTS

ROOT = Path(__file__).resolve().parents[2]
#: What no page does without a review, written down by hand.
ALWAYS_REVIEWED = {
    "worker/shutdown", "worker/pool/restart", "worker/pool/shrink", "worker/queue/cancel-consumer",
    "worker/drain", "workers/drain", "tasks/revoke-stamped", "task/rerun", "task/send",
    "task/forget", "tasks/forget", "queue/purge", "queue/delete-message", "queue/move",
    "queue/pause", "queues/clean", "batches/rerun", "batches/revoke", "batches/terminate",
    "batches/forget", "schedule/run", "schedule/enable", "schedule/disable",
}  # fmt: skip


def test_the_page_of_actions_is_current():
    spec = importlib.util.spec_from_file_location("actions_table", ROOT / "tools/actions_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    page = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
    assert page == module.page(), "run `make docs`"


def test_every_declared_action_has_one_route():
    routed = [one.action for one in ENDPOINTS if issubclass(one, ReviewedWrite)]

    assert sorted(one.route for one in routed) == sorted(one.route for one in ACTIONS)


def test_an_argument_stands_in_the_effect_by_a_name_that_there_is():
    for action in ACTIONS:
        named = {name for _, name, _, _ in Formatter().parse(action.effect) if name}
        assert named <= {"target", *(one.name for one in action.arguments)}, action.route
        assert action.effect.endswith(".")


def test_the_effect_of_a_command_and_so_its_digest_has_all_its_arguments():
    for command in COMMANDS:
        named = {name for _, name, _, _ in Formatter().parse(command.effect) if name}
        assert named >= {one.name for one in command.arguments}, command.route


def test_what_is_hard_to_undo_is_always_reviewed():
    assert {action.route for action in ACTIONS if action.is_reviewed} == ALWAYS_REVIEWED
