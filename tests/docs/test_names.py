"""What the documentation names exists: files, options, variables, metrics, routes, make targets."""

import re
from pathlib import Path

import pytest

from flower_ng.metrics import METRICS, PrometheusMetrics
from flower_ng.metrics.problems import NAME
from flower_ng.metrics.queues import FAMILIES
from flower_ng.settings import OPTIONS
from flower_ng.web.plumbing.stream import Stream
from flower_ng.web.routes import ENDPOINTS, PAGES, PLUMBING
from tests.docs.pages import present
from tests.services import ROOT

SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FILE = re.compile(r"\.?[\w./-]*\w\.(?:py|md|html|css|js|toml|yml|yaml|json|txt|sqlite3)|[\w./-]+/")
FOLDERS = ("flower_ng", "templates", "static", "tests", "docs", "tools", "bench", "requirements")
#: Files of the reader's, and those that flower_ng and make write.
ELSEWHERE = {"flowerconfig.py", "watch.py", "flower.sqlite3", "flower.index/"}
ELSEWHERE |= {".venv/", ".venv-node/", "dist/", "screenshots/"}
#: Celery's options, those of `docker`, and those of bench/.
OTHERS = {
    "--read-only",
    "--held",
    "--single",
    "--app",
    "--broker",
    "--result-backend",
    "--config",
    "--autoscale",
    "--time-limit",
    "--max-tasks-per-child",
}
#: Options of the commands beside the dashboard.
COMMANDS = {"--json", "--live", "--version", "--help", "--scope"}
#: Flower's own switch, what login handlers of Flower read, and what Kubernetes would set.
VARIABLES = {"FLOWER_UNAUTHENTICATED_API", "FLOWER_GITHUB_OAUTH_DOMAIN"}
ROUTE = re.compile(r"`?(GET|POST|DELETE) (/[^\s`?'\"]*)")


def files() -> list[str]:
    """Return every file of the checkout that a page may name, from its root, as `/docs/api.md`."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return [f"/{path.relative_to(ROOT)}" for path in (*paths, *ROOT.iterdir()) if path.is_file()]


@pytest.mark.parametrize("page", present(), ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    names = files()
    spans = {span for span in SPAN.findall(page.read_text("utf-8")) if FILE.fullmatch(span)}

    missing = [
        span
        for span in spans - ELSEWHERE
        if not span.startswith("/")  # of a machine or a site
        and not any(name.endswith(f"/{span}") or f"/{span}" in name[:-1] for name in names)
    ]

    assert not missing


def spelt(text: str) -> set[str]:
    return {word.replace("-", "_") for word in re.findall(r"(?<![\w`-])--(\w[\w-]*\w)", text)}


@pytest.mark.parametrize("page", present(), ids=lambda page: page.name)
def test_the_options_that_a_page_names_exist(page: Path) -> None:
    known = {option.name for option in OPTIONS} | spelt(" ".join(OTHERS | COMMANDS))
    spans = SPAN.findall(page.read_text("utf-8"))
    named = set().union(*(spelt(f" {span}") for span in spans if span.startswith("--")))

    assert named <= known


@pytest.mark.parametrize("page", present(), ids=lambda page: page.name)
def test_the_variables_that_a_page_names_exist(page: Path) -> None:
    known = {f"FLOWER_{option.name.upper()}" for option in OPTIONS} | VARIABLES

    found = set(re.findall(r"\bFLOWER_[A-Z0-9_]+\b", page.read_text("utf-8")))
    assert {name.removesuffix("_FILE") for name in found} <= known


@pytest.mark.parametrize("page", present(), ids=lambda page: page.name)
def test_the_metrics_that_a_page_names_exist(page: Path) -> None:
    names = {NAME, *(name for name, _, _ in FAMILIES), *(metric.name for metric in METRICS)}
    names |= {family.name for family in PrometheusMetrics().families}
    shown = names | {f"{name}{end}" for name in names for end in ("_total", "_bucket", "_count")}
    spans = SPAN.findall(page.read_text("utf-8"))
    named = {span for span in spans if re.fullmatch(r"flower_(ng_)?[a-z]+_\w+", span)}

    assert {name for name in named if not (ROOT / "flower_ng" / name).exists()} <= shown


@pytest.mark.parametrize("page", present(), ids=lambda page: page.name)
def test_the_routes_that_a_page_names_exist(page: Path) -> None:
    handlers = (*PAGES, *ENDPOINTS, *PLUMBING, Stream)
    paths = [re.compile(path) for handler in handlers for path in (handler.path, *handler.aliases)]
    named = {path for _, path in ROUTE.findall(page.read_text("utf-8"))}

    unknown = [
        path
        for path in named
        if not path.startswith("/do/") and not any(one.fullmatch(path) for one in paths)
    ]

    assert not unknown


@pytest.mark.parametrize("page", present(), ids=lambda page: page.name)
def test_the_targets_of_make_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z][a-z0-9-]*)", page.read_text("utf-8"), re.MULTILINE)

    assert set(named) <= targets


def test_the_pythons_and_brokers_that_are_supported_are_those_of_the_package() -> None:
    page = (ROOT / "docs/deployment.md").read_text("utf-8")
    package = (ROOT / "pyproject.toml").read_text("utf-8")
    pythons = re.findall(r"Python :: 3\.(\d+)", package)

    assert f"| Python | 3.{pythons[0]} to 3.{pythons[-1]} |" in page
    [celery] = re.findall(r'"celery\[redis\]>=([\d.]+)"', package)
    assert f"| Celery | {celery} and newer |" in page
