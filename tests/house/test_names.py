"""Names tell things apart: no class twice, a page under one name everywhere, tests at the seams."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Class names that two modules still share; a rename takes its line away, none is added.
SHARED_NAMES: frozenset[str] = frozenset()
#: How often each test file still reads a private attribute of what it tests; this only shrinks.
PRIVATE_READS: Mapping[str, int] = {
    "tests/brokers/test_generic.py": 1,
    "tests/brokers/test_poll.py": 1,
    "tests/demo/test_folders.py": 3,
    "tests/health/test_watch.py": 9,
    "tests/metrics/test_lag.py": 1,
    "tests/monitor/test_answers.py": 1,
    "tests/monitor/test_frames.py": 5,
    "tests/monitor/test_inspector.py": 10,
    "tests/monitor/test_publish.py": 4,
    "tests/monitor/test_purge.py": 2,
    "tests/monitor/test_results.py": 3,
    "tests/store/rollups/test_ledger.py": 2,
    "tests/store/test_degraded.py": 4,
    "tests/store/test_flower_file.py": 1,
    "tests/store/test_flush.py": 3,
    "tests/store/test_gaps.py": 11,
    "tests/store/test_retention.py": 1,
    "tests/store/test_store.py": 4,
    "tests/test_app.py": 2,
    "tests/web/logins/test_mounted.py": 3,
}
#: Templates and tests of pages' shared parts, which are no page of their own.
NOT_PAGES = frozenset({"error", "frame", "past", "review", "zone"})
#: Pages that another page's test covers, or a test in tests/web.
TESTED_ELSEWHERE = frozenset({"audit", "failure", "type", "logout"})


def trees(folder: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the path and the syntax tree of each module below a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield path.relative_to(ROOT).as_posix(), tree


def shared_names() -> set[str]:
    """Return the public class names that occur in two or more modules of flower_ng."""
    modules = defaultdict(list)
    for path, tree in trees("flower_ng"):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(path)
    return {name for name, paths in modules.items() if len(paths) > 1}


def private_reads(tree: ast.Module) -> int:
    """Return how many private attributes of other objects a module reads."""
    return sum(
        isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
        for node in ast.walk(tree)
    )


def pages() -> set[str]:
    """Return the names of the pages: modules and packages of web/pages."""
    folder = ROOT / "flower_ng/web/pages"
    return {path.stem for path in folder.iterdir() if not path.name.startswith("_")}


def test_a_class_name_is_in_one_module() -> None:
    assert shared_names() - SHARED_NAMES == set()


def test_tests_use_the_public_side_of_what_they_test() -> None:
    counts = {path: private_reads(tree) for path, tree in trees("tests")}

    assert {
        path: count for path, count in counts.items() if count > PRIVATE_READS.get(path, 0)
    } == {}


def test_each_page_has_a_template_of_its_name() -> None:
    templates = {path.stem for path in (ROOT / "templates/pages").glob("*")}

    assert pages() - templates == set()
    assert templates - pages() - NOT_PAGES == set()


def test_each_page_has_a_test_of_its_name() -> None:
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests/web/pages").glob("test_*")}

    assert pages() - tests - TESTED_ELSEWHERE == set()
    assert tests - pages() - NOT_PAGES == set()


def test_styles_and_scripts_of_pages_begin_with_a_pages_name() -> None:
    files = {*(ROOT / "static/css/pages").glob("*"), *(ROOT / "static/js/pages").glob("*")}

    assert {path.name for path in files if path.stem.partition("_")[0] not in pages()} == set()
