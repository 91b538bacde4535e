"""The examples of the documentation that are no commands: files in Python, YAML, JSON and others.

docs/python-api.md has its own tests, in tests/test_python_api.py; those of reverse proxies are run
by tests/web/test_proxies.py.
"""

import configparser
import hashlib
import hmac
import json
import re
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from flower_ng.health import RULES
from flower_ng.monitor.remote.pools import ABILITIES, Ability
from flower_ng.settings import load, load_arguments
from flower_ng.web.plumbing.probes import Live, Ready
from tests.docs.pages import Block, block, blocks, params
from tests.services import ROOT, need


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    marked = {"python", "yaml", "json", "ini", "nginx", "dockerfile"}
    marked |= {"apache", "caddy", "haproxy"}  # run by tests/web/test_proxies.py
    every = [match for page in ROOT.glob("docs/*.md") for match in _marks(page)]

    assert set(every) == marked | {"", "sh"}


def _marks(page: Path) -> list[str]:
    return re.findall(r"^```(\w*)\n.*?^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_configuration_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "flowerconfig.py").write_text(block("deployment.md", "python"))

    loaded = load([], {}, tmp_path)

    assert not loaded.warnings
    assert loaded.settings.persistent
    assert loaded.settings.basic_auth == ("ann:secret", "bob:hidden")
    task = SimpleNamespace(args="('4111111111111111',)", kwargs="{}", result="7")
    shown = loaded.settings.format_task(task)
    assert (shown.args, shown.result) == ("('[card number]',)", "7")


def test_a_receiver_can_check_the_signature_of_a_notice() -> None:
    names: dict[str, Any] = {}
    exec(block("health.md", "python"), names)
    signed = hmac.new(b"key", b"1790000000.{}", hashlib.sha256).hexdigest()

    assert names["is_ours"](f"t=1790000000,v1={signed}", b"{}", "key")
    assert not names["is_ours"](f"t=1790000001,v1={signed}", b"{}", "key")


@pytest.mark.parametrize("found", params(blocks("json")))
def test_json_can_be_read(found: Block) -> None:
    told = json.loads(found.text)

    assert {one["rule"] for one in told.get("raised", ())} <= {rule.name for rule in RULES}


@pytest.mark.parametrize("found", params(blocks("yaml")))
def test_yaml_can_be_read(found: Block) -> None:
    assert all(isinstance(one, dict) for one in yaml.safe_load_all(found.text))


@pytest.mark.parametrize("page", ["metrics.md", "prometheus.md"])
def test_prometheus_takes_its_configuration(page: str, tmp_path: Path) -> None:
    configuration = yaml.safe_load(block(page, "yaml"))
    rules = configuration.get("rule_files", [])
    configuration["rule_files"] = [str(ROOT / "docs/prometheus" / Path(one).name) for one in rules]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    command = [need("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pod_is_asked_where_it_answers_and_keeps_its_history_where_the_image_does() -> None:
    deployment, service = yaml.safe_load_all(block("deployment.md", "yaml"))
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [port] = container["ports"]
    image = (ROOT / "Dockerfile").read_text("utf-8")

    assert container["livenessProbe"]["httpGet"] == {"path": Live.path, "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": Ready.path, "port": port["name"]}
    assert f"EXPOSE {port['containerPort']}" in image
    assert f"--uid {pod['securityContext']['runAsUser']} " in image
    assert f"FLOWER_DB={container['volumeMounts'][0]['mountPath']}/" in image
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]


def test_the_ingress_leads_to_the_service() -> None:
    _, service = yaml.safe_load_all(block("deployment.md", "yaml"))
    ingress = yaml.safe_load(block("deployment.md", "yaml", 1))
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    target = path["backend"]["service"]

    assert target["name"] == service["metadata"]["name"]
    assert target["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_the_unit_of_systemd_starts_the_dashboard_with_options_that_exist(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block("deployment.md", "ini"))
    program, *words = shlex.split(unit["Service"]["ExecStart"])

    assert Path(program).name == "celery"
    assert words == ["-A", "proj", "flower_ng"]
    assert not load_arguments(words[3:], tmp_path).warnings
    directory = unit["Service"]["StateDirectory"]
    assert f"FLOWER_DB=/var/lib/{directory}/" in block("deployment.md", "ini")


def test_an_image_that_is_built_on_ours_ends_as_its_user() -> None:
    own = block("deployment.md", "dockerfile").splitlines()

    assert own[0] == "FROM flower-ng"
    assert own[-1] in (ROOT / "Dockerfile").read_text("utf-8").splitlines()


def test_nginx_gives_the_headers_that_xheaders_reads() -> None:
    given = re.findall(r"proxy_set_header ([\w-]+)", block("deployment.md", "nginx"))
    options = (ROOT / "docs/options.md").read_text("utf-8")

    assert set(given) - {"Host"} <= set(re.findall(r"X-[\w-]+", options))


def test_what_the_pools_refuse_is_as_the_table_says() -> None:
    shown = (ROOT / "docs/api.md").read_text("utf-8").partition("| pool | refuses |")[2]
    table = dict(re.findall(r"^\| ([\w, ]+) \| (.+) \|$", shown.partition("\n\n")[0], re.MULTILINE))
    words = {
        Ability.RESIZE: "grow, shrink",
        Ability.AUTOSCALE: "autoscale",
        Ability.RESTART: "restart",
        Ability.TERMINATE: "terminate",
    }

    for names, refused in table.items():
        for name in names.split(", "):
            missing = frozenset(Ability) - ABILITIES[name]
            for ability, word in words.items():
                assert (word in refused) == (ability in missing), (name, ability)
            limits = {Ability.SOFT_LIMIT, Ability.HARD_LIMIT} & missing
            assert ("time limits" in refused) == bool(limits), name
            assert ("soft time limits" in refused) == (limits == {Ability.SOFT_LIMIT}), name
    assert {name for names in table for name in names.split(", ")} == ABILITIES.keys()


def parameters() -> list[str]:
    """Return the parameters in the tables of docs/api.md, those in the text of a cell too."""
    page = (ROOT / "docs/api.md").read_text("utf-8")
    tables = re.findall(r"^\| (?:parameter|route) \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    first = [re.findall(r"^\| ((?:`\w+`,? ?)+)\|", table, re.MULTILINE) for table in tables]
    second = re.findall(r"^\| `/api/\S+` \| ([^|]+) \|", page, re.MULTILINE)
    cells = [cell for table in first for cell in table] + second
    return sorted({name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)})


@pytest.mark.parametrize("name", parameters())
def test_a_parameter_of_the_api_is_read_by_it(name: str) -> None:
    rooms = ("flower_ng/web", "flower_ng/monitor/remote")
    sources = [source for room in rooms for source in (ROOT / room).rglob("*.py")]

    assert any(f'"{name}"' in source.read_text("utf-8") for source in sources)


def test_the_tables_of_parameters_are_found() -> None:
    assert {"refresh", "kind", "sort_by", "n", "min", "terminate", "ratelimit"} <= {*parameters()}
