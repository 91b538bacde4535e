"""Runs Celery's own tests of its State against ours: `make test-celery`.

They come with the sdist of the Celery that is installed, which pip finds and downloads wherever it
is told to look; nothing of it is built or kept in the repository. Which of them fail, and why,
stands in docs/python-api.md; one that fails and is not there, or is there and passes, ends this
with 1.
"""

import io
import re
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv" / "celery-tests"
TESTS = "t/unit/events/test_state.py"
PAGE = ROOT / "docs" / "python-api.md"
#: A row of the table of failures: the test's name, and the reason.
ROW = re.compile(r"(?m)^\| `(test_\w+)` \| (.+?) \|$")

#: How the reason begins of a test that passes or fails by the order in which it shuffles.
AT_TIMES = "at times: "


def fetched(celery: str) -> Path:
    """Return the file of the tests, after fetching it unless it is there."""
    path = FOLDER / celery / "test_state.py"
    if not path.exists():
        with tarfile.open(fileobj=io.BytesIO(sdist(celery))) as archive:
            member = archive.extractfile(f"celery-{celery}/{TESTS}")
            assert member is not None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.read())
    return path


def sdist(celery: str) -> bytes:
    """Download the sdist with pip's own finder: `pip download` would build it for its metadata."""
    from pip._internal.commands import create_command  # noqa: PLC0415 - as said
    from pip._vendor.packaging.specifiers import SpecifierSet  # noqa: PLC0415 - as said

    command: Any = create_command("download")
    options, _ = command.parse_args(["--no-deps", "--no-binary", "celery", "celery"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)  # noqa: SLF001 - as said
        found = finder.find_best_candidate("celery", SpecifierSet(f"=={celery}"))
        link = found.best_candidate.link
        answer = session.get(link.url_without_fragment)
        answer.raise_for_status()
    content: bytes = answer.content
    hashes = re.findall(r"--hash=(\w+:\w+)", (ROOT / "requirements/flower.txt").read_text())
    assert f"{link.hash_name}:{link.hash}" in hashes, f"{link} is not in requirements/flower.txt"
    assert link.as_hashes().check_against_chunks(iter([content])) is None
    return content


class OurState:
    """A plugin of pytest that puts EventsState in the place of State, and keeps what failed."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Replace State in the module."""
        from flower_ng.events import EventsState  # noqa: PLC0415 - after pytest's hooks are set

        for item in items:
            vars(item.module)["State"] = EventsState

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended."""
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            self.failed.add(name)
        elif report.when == "call" and report.passed:
            self.passed.add(name)


def run(words: list[str]) -> OurState:
    """Run the tests, with further words for pytest."""
    plugin = OurState()
    path = fetched(version("celery"))
    own = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-o",
        "python_classes=test_State",
        "-c",
        "/dev/null",
        "--rootdir",
    ]
    pytest.main([*own, str(path.parent), *words, str(path)], plugins=[plugin])
    return plugin


def documented() -> dict[str, str]:
    """Return the tests that are said to fail, with the reason."""
    return dict(ROW.findall(PAGE.read_text(encoding="utf-8")))


def complaints(ended: OurState) -> Iterator[str]:
    """Say where the run and the table differ."""
    reasons = documented()
    told = reasons.keys()
    always = {name for name, reason in reasons.items() if not reason.startswith(AT_TIMES)}
    if not ended.passed:
        yield "no test passed: were any run?"
    yield from (
        f"{name} fails, and docs/python-api.md does not say why"
        for name in sorted(ended.failed - told)
    )
    yield from (
        f"{name} is said to fail in docs/python-api.md, and does not"
        for name in sorted(always - ended.failed)
    )


def main() -> None:
    """Run, and end with 1 where the table is not right."""
    ended = run(["--tb=line", *sys.argv[1:]])
    wrong = list(complaints(ended))
    print(f"{len(ended.passed)} pass, {len(ended.failed)} fail")
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
