"""The lists in requirements/: what is installed, release by release, with its files' digests."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

import kombu
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.services import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LISTS = ("build", "flower", "lock", "node", "oldest", "package", "tools")

Pins = set[tuple[str, Version]]  # a name is there twice where Pythons differ


def lines(name: str) -> list[str]:
    """The requirements of a list, each with its options on the same line."""
    text = (ROOT / f"requirements/{name}").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(name: str) -> Pins:
    found = [re.match(r"(\S+)==([^\s;]+)", line) for line in lines(name)]
    assert all(found)
    return {(match[1], Version(match[2])) for match in found if match}


def versions(held: Pins, wanted: Requirement) -> list[Version]:
    name = canonicalize_name(wanted.name)
    return sorted(version for other, version in held if other == name)


def group(name: str) -> Iterator[str]:
    for item in PROJECT["dependency-groups"][name]:
        if isinstance(item, str):
            yield item
        else:
            yield from group(item["include-group"])


def own() -> list[str]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    return [*PROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]


def asked(name: str) -> list[str]:
    """What pyproject.toml asks of a list."""
    return {
        "build": [*PROJECT["build-system"]["requires"], *group("build")],
        "flower": [*group("flower")],
        "lock": [*group("lock")],
        "node": [*group("node")],
        "oldest": [*PROJECT["project"]["dependencies"], *group("test")],
        "package": own(),
        "tools": [*own(), *group("dev")],
    }[name]


def test_there_is_no_list_that_nothing_checks() -> None:
    assert sorted(path.stem for path in ROOT.glob("requirements/*.txt")) == sorted(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_in_step_with_pyproject(name: str) -> None:
    held = pins(f"{name}.txt")

    for text in asked(name):
        wanted = Requirement(text)
        found = versions(held, wanted)
        assert found, f"{text} is not in requirements/{name}.txt: run `make lock`"
        assert all(one in wanted.specifier for one in found), f"{text}: {found}; run `make lock`"


@pytest.mark.parametrize("name", LISTS)
def test_every_line_of_a_list_has_digests_and_no_address(name: str) -> None:
    for line in lines(f"{name}.txt"):
        assert re.fullmatch(r"\S+==\S+( ; [^-]+)?( +--hash=sha256:[0-9a-f]{64})+", line), line


@pytest.mark.parametrize("name", ["build", "package"])
def test_lists_that_share_an_environment_hold_the_same_releases(name: str) -> None:
    assert pins(f"{name}.txt") <= pins("tools.txt")


def test_the_oldest_releases_are_the_lowest_that_pyproject_allows() -> None:
    oldest, held = pins("oldest.in"), pins("oldest.txt")

    assert oldest <= held
    for text in PROJECT["project"]["dependencies"]:
        wanted = Requirement(text)
        [lowest] = [one.version for one in wanted.specifier if one.operator == ">="]
        assert versions(oldest, wanted)[0] == Version(lowest), text


@pytest.mark.parametrize("transport", ["redis", "pyamqp", "virtual/base", "base"])
def test_all_that_a_transport_of_kombu_imports_is_required(transport: str) -> None:
    """Without its extra, pip puts a Kombu beside Celery 5.4 that can't speak to its redis-py."""
    ours = {Requirement(text).name for text in PROJECT["project"]["dependencies"]}
    [of_kombu] = [text for text in PROJECT["project"]["dependencies"] if text.startswith("kombu")]
    assert Requirement(of_kombu).extras == {"redis"}
    for text in requires("kombu") or ():
        brought = Requirement(text)
        if brought.marker is None or brought.marker.evaluate({"extra": "redis"}):
            ours.add(brought.name)
    source = Path(kombu.__file__).parent / f"transport/{transport}.py"

    wanted = set(imported(source.read_text(encoding="utf-8")))

    assert wanted - {"amqp", "kombu", "vine"} - set(sys.stdlib_module_names) <= ours


def imported(source: str) -> Iterator[str]:
    """The top-level modules that are imported without a way around their absence."""
    tree = ast.parse(source)
    ways_around = [node for node in ast.walk(tree) if isinstance(node, ast.Try | ast.If)]
    tried = {id(inner) for node in ways_around for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in tried:
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_what_was_resolved_otherwise_than_listed_is_named_with_both_releases(
    tmp_path: Path,
) -> None:
    for folder in ("tools", "requirements"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "tools/newer.py", tmp_path / "tools")
    listed = (ROOT / "requirements/tools.txt").read_text()
    older = re.sub("^pytest==.+ ", "pytest==0.1 ", listed, flags=re.MULTILINE)
    (tmp_path / "requirements/tools.txt").write_text(older)

    script = str(tmp_path / "tools/newer.py")
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)

    assert f"  pytest 0.1 -> {version('pytest')}\n" in told.stdout
