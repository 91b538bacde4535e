"""The drawing of workflows: nothing overlaps, nothing is lost, and what follows stands behind."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from flower_ng.monitor.remote.lineage import Kin
from flower_ng.store import TaskRow
from flower_ng.web.ui.workflow_graph import FEW, MOST_STEPS, graph_of
from flower_ng.web.ui.workflow_shape import critical, shape_of

NOW = 1_000.0


def row(uuid, parent=None, state="SUCCESS", at=0.0, ran=1.0, name="shop.add", **more):
    ends = {"SUCCESS": "succeeded", "FAILURE": "failed"}
    ended = {ends[state]: at + ran} if state in ends else {}
    return TaskRow(
        uuid,
        name,
        state,
        sent=at,
        started=at,
        parent_id=parent,
        timestamp=at + ran,
        **ended,
        **more,
    )


def chord(members, kin=None):
    rows = [row("root"), *(row(f"m{n}", "root", at=1.0, ran=n + 1) for n in range(members))]
    rows.append(row("body", f"m{members - 1}", at=1.0 + members, name="shop.total"))
    return shape_of(rows, kin or {}, ["root"])


def of_group(members):
    return {name: Kin("g") for name in (*(f"m{n}" for n in range(members)), "body")}


@st.composite
def workflows(draw):
    """Any tasks below each other, in any groups, some of them with parents that nobody saw."""
    number = draw(st.integers(1, 40))
    names = [f"t{n}" for n in range(number)]
    rows, kin = [row("t0")], {}
    for place, uuid in enumerate(names[1:], 1):
        parent = draw(st.sampled_from([*names[:place], *names[:place], "unseen", uuid, names[-1]]))
        state = draw(st.sampled_from(["SUCCESS", "FAILURE", "STARTED"]))
        kind = draw(st.sampled_from(["shop.add", "shop.pay", None]))
        rows.append(row(uuid, parent, state, at=float(place), name=kind))
    for uuid in draw(st.lists(st.sampled_from(names), unique=True)):
        group = draw(st.sampled_from([None, "g", "h"]))
        children = draw(st.frozensets(st.sampled_from([*names, "later", "unseen"]), max_size=4))
        kin[uuid] = Kin(group, children, draw(st.sampled_from([{}, {"h": ("t1", "never")}])))
    tops = draw(st.sampled_from([["t0"], ["t0", names[-1]], ["unseen"]]))
    return shape_of(rows, kin, list(dict.fromkeys(tops)))


@given(workflows())
def test_whatever_the_workflow_boxes_stand_apart_and_lines_go_forward(shape):
    graph = graph_of(shape, "t0")

    for one, other in combinations(graph.boxes, 2):
        assert one.column != other.column or abs(one.line - other.line) >= 1
    assert all(edge.begin.column < edge.end.column for edge in graph.edges)
    assert all(0 <= box.column < graph.columns for box in graph.boxes)
    assert all(0 <= box.line <= graph.lines - 1 for box in graph.boxes)
    drawn = [uuid for box in graph.boxes for uuid in box.uuids]
    assert len(drawn) == len(set(drawn))
    assert len(drawn) + graph.left_out == len(shape.rows) + len(shape.unseen)
    assert graph.left_out == 0


@given(workflows())
def test_a_critical_path_goes_from_task_to_task_without_return(shape):
    path = critical(shape, NOW)

    assert len(path) == len(set(path))
    for before, after in pairwise(path):
        join = shape.joins.get(after)
        assert before in (join.members if join else (shape.parents[after],))


def test_a_body_joins_all_of_its_group_where_results_tell():
    shape = chord(3, of_group(3))
    graph = graph_of(shape)

    assert set(shape.joins["body"].members) == {"m0", "m1", "m2"}
    ends = [(edge.begin.uuids[0], edge.is_sure) for edge in graph.edges if "body" in edge.end.uuids]
    assert ends == [("m0", True), ("m1", True), ("m2", True)]
    assert [stack.group for stack in graph.stacks if stack.bodies] == ["g"]
    assert critical(shape, NOW) == ("root", "m2", "body")


def test_without_results_a_body_is_a_guess_and_says_so():
    shape = chord(3)

    assert not shape.joins["body"].is_sure
    guesses = [edge for edge in graph_of(shape).edges if not edge.is_sure]
    assert len(guesses) == 3
    assert "no stored result tells" in guesses[0].words


def test_what_a_member_sent_itself_is_no_body():
    kin = of_group(2) | {"m1": Kin("g", frozenset({"body"})), "body": Kin()}

    assert chord(2, kin).joins == {}


def test_a_task_sent_before_its_siblings_ended_is_no_body():
    rows = [row("root"), row("a", "root", at=1), row("b", "root", at=1, ran=9)]
    rows.append(row("c", "a", at=2))

    assert shape_of(rows, {}, ["root"]).joins == {}


def test_a_body_stands_behind_a_chain_that_ends_in_its_group():
    rows = [row("root"), row("a", "root", at=1), row("b", "root", at=1), row("c", "b", at=2)]
    rows.append(row("body", "c", at=3))
    kin = {"a": Kin("g"), "c": Kin("g"), "b": Kin(None, frozenset({"c"})), "body": Kin("g")}
    graph = graph_of(shape_of(rows, kin, ["root"]))

    columns = {box.uuids[0]: box.column for box in graph.boxes}
    assert columns == {"root": 0, "a": 1, "b": 1, "c": 2, "body": 3}
    assert [len(stack.boxes) for stack in graph.stacks if stack.bodies] == [2]


def test_a_thousand_of_a_type_are_one_box_and_failures_and_the_current_stand_alone():
    rows = [row("root"), *(row(f"m{n}", "root", at=1.0) for n in range(1000))]
    rows += [row(f"bad{n}", "root", "FAILURE", at=1.0) for n in range(5)]
    graph = graph_of(shape_of(rows, {}, ["root"]), "m7")

    sizes = sorted(len(box.uuids) for box in graph.boxes)
    assert sizes == [1, 1, 1, 1, 1, 1001]
    assert ("m7",) in [box.uuids for box in graph.boxes]
    assert graph.left_out == 0


def test_few_are_drawn_one_by_one():
    rows = [row("root"), *(row(f"m{n}", "root") for n in range(FEW))]

    assert len(graph_of(shape_of(rows, {}, ["root"])).boxes) == FEW + 1


def test_a_chain_without_end_is_cut_and_counted():
    rows = [row("0"), *(row(str(n), str(n - 1), at=n) for n in range(1, 500))]
    graph = graph_of(shape_of(rows, {}, ["0"]))

    assert (len(graph.boxes), graph.left_out) == (MOST_STEPS, 500 - MOST_STEPS)


def test_what_results_name_and_nobody_saw_is_drawn_without_a_state():
    kin = {"root": Kin(None, frozenset(), {"g": ("a", "later")})}
    shape = shape_of([row("root"), row("a", "root")], kin, ["root"])

    assert shape.unseen == {"later"}
    assert ("later",) in [box.uuids for box in graph_of(shape).boxes]
