"""The tree of a run: whole where it is known, honest where it is not, and always bounded."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from flower_ng.store import TaskRow
from flower_ng.web.pages.task.workflow import MOST_LEVELS, MOST_TASKS, workflow_of


class Shelf:
    """Tasks in memory that are read as the store's are: a stand-in, so that any tree can be had."""

    def __init__(self, parents, roots=None):
        roots = roots or {}
        children = {}
        for uuid, parent in parents.items():
            children.setdefault(parent, []).append(uuid)
        self.rows = {
            uuid: TaskRow(
                uuid, parent_id=parent, root_id=roots.get(uuid), children=children.get(uuid, [])
            )
            for uuid, parent in parents.items()
        }
        self.reads = 0

    async def those(self, uuids):
        self.reads += 1
        return [self.rows[uuid] for uuid in uuids if uuid in self.rows]

    def put(self, uuid, state):
        self.rows[uuid] = replace(self.rows[uuid], state=state)

    async def kin(self, uuid):
        return await workflow_of(self.rows[uuid], self.those)


def drawn(kin):
    signs = {"down": "(", "up": ")"}
    return " ".join(
        signs.get(line.step) or line.uuid + ("?" * (not line.row)) for line in kin.lines
    )


async def test_a_run_is_told_from_its_first_task():
    shelf = Shelf({"a": None, "b": "a", "c": "b", "d": "a"})

    kin = await shelf.kin("c")

    assert drawn(kin) == "a ( b ( c ) d )"
    assert [line.uuid for line in kin.lines if line.is_current] == ["c"]
    assert not kin.is_cut
    assert kin.left_out == 0


async def test_a_parent_that_nobody_saw_is_marked_above_its_child():
    assert drawn(await Shelf({"b": "a"}).kin("b")) == "a? ( b )"


async def test_what_descends_from_a_task_is_told_also_when_its_parent_is_not_known():
    assert drawn(await Shelf({"b": "a", "c": "b"}).kin("b")) == "a? ( b ( c ) )"


async def test_a_root_that_is_known_stands_first_where_the_way_to_it_is_not():
    shelf = Shelf({"root": None, "x": "root", "b": "gone"}, roots={"b": "root"})

    assert drawn(await shelf.kin("b")) == "root ( x ) gone? ( b )"


async def test_a_task_that_is_its_own_parent_is_told_once():
    assert drawn(await Shelf({"a": "a"}).kin("a")) == "a"


async def test_a_run_with_too_many_tasks_is_cut_and_says_so():
    shelf = Shelf({"a": None} | {str(number): "a" for number in range(5000)})

    kin = await shelf.kin("a")

    assert len([line for line in kin.lines if line.step == "task"]) == MOST_TASKS
    assert (kin.is_cut, kin.left_out) == (True, 5001 - MOST_TASKS)


async def test_a_long_chain_costs_so_many_reads_and_says_that_there_is_more():
    shelf = Shelf({str(number): str(number - 1) if number else None for number in range(100)})

    kin = await shelf.kin("0")

    assert shelf.reads <= MOST_LEVELS + 1
    assert kin.is_cut


@given(st.dictionaries(st.sampled_from("abcdef"), st.none() | st.sampled_from("abcdefg")))
async def test_whatever_tasks_say_of_each_other_each_is_told_once(parents):
    shelf = Shelf(parents)
    for uuid in parents:
        lines = (await shelf.kin(uuid)).lines

        told = [line.uuid for line in lines if line.step == "task"]
        steps = [line.step for line in lines]
        assert uuid in told
        assert len(told) == len(set(told))
        assert steps.count("down") == steps.count("up")


async def test_what_has_not_ended_below_the_root_is_found_by_a_search_while_there_is_some():
    shelf = Shelf({"a": None, "b": "a"}, {"a": "a", "b": "a"})
    shelf.put("a", "SUCCESS")
    shelf.put("b", "RECEIVED")
    assert (await shelf.kin("a")).open_search == "root:=a -is:finished"

    shelf.put("b", "FAILURE")

    assert (await shelf.kin("a")).open_search == ""
