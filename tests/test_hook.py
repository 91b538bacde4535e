"""What `format_task` is given, what pages show of what it returns, and what hides if it fails."""

import pytest
from msgspec import structs

from flower_ng.hook import WITHHELD, Hook
from flower_ng.store import TaskRow
from flower_ng.web.ui.format import humanize

ROW = TaskRow(
    uuid="u-1",
    name="shop.charge",
    state="SUCCESS",
    received=1_790_000_000.5,
    args="('4111',)",
    kwargs="{'card': '4111'}",
    result="'paid with 4111'",
    worker="w1@box",
    retries=2,
    root_id="r-1",
    queue="payments",
    children=["u-2"],
)
BARE = TaskRow("u-9")


def given(row):
    """Return what the hook is given for a row."""
    seen = []
    Hook(lambda task: seen.append(task) or task)(row)
    return seen[0]


def test_without_a_function_the_row_is_shown_as_it_is():
    assert Hook(None)(ROW) is ROW


def test_a_function_that_changes_nothing_shows_the_row_as_it_is():
    assert Hook(lambda task: task)(ROW) == ROW
    assert Hook(lambda task: task)(BARE) == BARE


def test_the_task_has_every_attribute_of_the_record():
    task = given(ROW)

    record = {**ROW.record(), "worker": task.worker}
    assert {key: getattr(task, key) for key in record} == record
    assert task.queue == "payments"


def test_the_worker_is_an_object_with_a_hostname():
    assert given(ROW).worker.hostname == "w1@box"
    assert given(BARE).worker is None


def test_args_kwargs_and_result_are_always_text():
    assert (given(ROW).args, given(ROW).kwargs) == ("('4111',)", "{'card': '4111'}")
    assert (given(BARE).args, given(BARE).kwargs, given(BARE).result) == ("", "", "")


def test_what_the_function_changes_is_shown():
    def format_task(task):
        task.args = task.args.replace("4111", "****")
        task.name = "charge"
        task.worker.hostname = "box one"
        return task

    shown = Hook(format_task)(ROW)

    assert (shown.args, shown.name, shown.worker) == ("('****',)", "charge", "box one")


def test_the_function_works_on_a_copy():
    def format_task(task):
        task.args = task.state = task.worker.hostname = "changed"
        return task

    Hook(format_task)(ROW)

    assert (ROW.args, ROW.state, ROW.worker) == ("('4111',)", "SUCCESS", "w1@box")


def test_a_text_may_be_emptied():
    def format_task(task):
        task.result = ""
        return task

    assert Hook(format_task)(ROW).result == ""


def test_the_function_may_return_another_task():
    def format_task(task):
        return type(task)(**{**vars(task), "args": "hidden"})

    assert Hook(format_task)(ROW).args == "hidden"


def test_flowers_humanize_may_be_told_a_length():
    def format_task(task):
        task.result = humanize(task.result, length=8)
        return task

    assert len(Hook(format_task)(ROW).result) <= 8
    assert Hook(format_task)(BARE) == BARE


def raises(_task):
    raise LookupError("no such card")


def pops_of_the_unreadable(task):
    task.kwargs = type(task.kwargs)("{'card': '4111', 'of': <Card 4111>}")
    task.kwargs.pop("card")
    return task


def test_the_recipe_of_flowers_manual_takes_arguments_out():
    def format_task(task):
        task.kwargs.pop("card")
        return task

    assert Hook(format_task)(ROW).kwargs == "{}"
    assert Hook(format_task)(BARE) == BARE


def test_keyword_arguments_are_a_text_and_a_mapping():
    def format_task(task):
        assert "card" in task.kwargs
        assert task.kwargs[:6] == "{'card"
        assert (task.kwargs["card"], task.kwargs.get("x", 1)) == ("4111", 1)
        assert list(task.kwargs.items()) == [("card", "4111")]
        assert (list(task.kwargs.keys()), list(task.kwargs.values())) == (["card"], ["4111"])
        task.kwargs["card"] = "4…"
        task.kwargs.update(n=1)
        assert task.kwargs.setdefault("n", 2) == 1
        del task.kwargs["n"]
        return task

    assert Hook(format_task)(ROW).kwargs == "{'card': '4…'}"


def test_all_keyword_arguments_may_be_taken_out():
    assert Hook(lambda task: task.kwargs.clear() or task)(ROW).kwargs == "{}"


def returns_nothing(task):
    task.args = "hidden"


def returns_a_record(task):
    return vars(task)


def loses_an_attribute(task):
    del task.result
    return task


@pytest.mark.parametrize(
    "format_task",
    [raises, pops_of_the_unreadable, returns_nothing, returns_a_record, loses_an_attribute],
)
def test_a_function_that_fails_withholds_what_it_was_to_hide(format_task, caplog):
    shown = Hook(format_task)(structs.replace(ROW, report="[1.0,2.0]", log='[1.0,"INFO","x"]\n'))

    assert (shown.args, shown.kwargs, shown.result) == (WITHHELD, WITHHELD, WITHHELD)
    assert (shown.report, shown.log) == (None, None)
    assert (shown.uuid, shown.name, shown.state) == ("u-1", "shop.charge", "SUCCESS")
    assert "format_task failed on task u-1" in caplog.text


def test_a_function_that_fails_withholds_errors_where_there_are_any():
    failed = structs.replace(
        ROW, exception="ValueError('4111')", exception_line="ValueError('4111')"
    )
    shown, unfailed = Hook(raises)(failed), Hook(raises)(structs.replace(ROW, exception=None))

    assert (shown.exception, shown.exception_line) == (WITHHELD, WITHHELD)
    assert (unfailed.exception, unfailed.exception_line) == (None, None)


def test_a_failure_is_logged_with_its_reason(caplog):
    Hook(raises)(ROW)

    assert "no such card" in caplog.text
