"""Tokens: what they open, for how long, and what is kept of them; over the wire."""

import asyncio
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flower_ng.cli.tokens import create
from flower_ng.errors import SettingsError
from flower_ng.web.auth.tokens import (
    KNOWN_S,
    METRICS,
    PREFIX,
    create_token,
    read_tokens,
    revoke_token,
)
from tests.web.probes import HANDLERS
from tests.web.site import basic

PROGRAM = str(Path(sys.executable).with_name("flower-ng"))


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "tokens")


def made(file, name="ci", role="viewer", scope="", expires=None):
    return create_token(file, name, role=role, scope=scope, expires=expires, now=1000.0)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_opens_the_api_that_is_closed_to_all_others(serve, file):
    viewer, operator = made(file), made(file, "deploy", "operator")
    client = serve(HANDLERS, tokens=file)

    assert (await client.get("/api/echo/x")).status == 401
    assert (await client.get("/api/echo/x", **bearer(viewer))).status == 200
    refused = await client.post("/api/act/x", **bearer(viewer))
    assert (refused.status, refused.text) == (403, "ci is a viewer: this needs the role operator")
    assert (await client.post("/api/act/x", **bearer(operator))).status == 200
    assert (await client.get("/who", **bearer(operator))).json == {
        "name": "deploy",
        "how": "token",
        "role": "operator",
        "groups": [],
    }


@pytest.mark.parametrize("lock", [{"basic_auth": ("a:b",)}, {"auth": "me@example.com"}, {}])
async def test_what_is_no_token_opens_nothing(serve, file, lock):
    token = made(file)
    client = serve(HANDLERS, tokens=file, **lock)

    for wrong in (f"{token}x", token[:-1], token.lower(), PREFIX, "x", "\xff", json.dumps(token)):
        for path in ("/api/echo/x", "/shown", "/stream"):
            assert (await client.get(path, **bearer(wrong))).status == 401, wrong
    digest = read_tokens(file)[0].digest
    assert (await client.get("/api/echo/x", **bearer(digest))).status == 401
    assert (await client.get("/api/echo/x", **bearer(token))).status == 200


async def test_a_token_ends_in_time(serve, file):
    over, still = made(file, "old", expires=1.0), made(file, "new", expires=4_000_000_000.0)
    client = serve(HANDLERS, tokens=file)
    answer = await client.get("/api/echo/x", **bearer(over))

    assert (answer.status, answer.text) == (401, "The token old has expired")
    assert (await client.get("/api/echo/x", **bearer(still))).status == 200


async def test_a_token_that_is_made_or_revoked_is_known_in_a_second(serve, file):
    client = serve(HANDLERS, tokens=file)
    token = made(file)
    await asyncio.sleep(KNOWN_S)
    assert (await client.get("/api/echo/x", **bearer(token))).status == 200
    revoke_token(file, "ci")
    await asyncio.sleep(KNOWN_S)

    assert (await client.get("/api/echo/x", **bearer(token))).status == 401


def spoil(file):
    Path(file).write_text("nonsense")


async def test_a_file_that_is_spoilt_lets_nobody_in(serve, file):
    token = made(file)
    client = serve(HANDLERS, tokens=file)
    spoil(file)
    await asyncio.sleep(KNOWN_S)

    assert (await client.get("/api/echo/x", **bearer(token))).status == 401


async def test_a_stream_ends_when_its_token_is_revoked(serve, file):
    token = made(file)
    client = serve(HANDLERS, tokens=file)
    client.site.ticker.heartbeat_s = 0.1
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    lines = (
        "GET /stream HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {token}",
        "Connection: close",
    )
    writer.write("\r\n".join((*lines, "", "")).encode())
    await asyncio.wait_for(reader.readuntil(b": still here"), 20)
    revoke_token(file, "ci")

    await asyncio.wait_for(reader.read(), 20)
    assert client.site.ticker.streams == 0
    writer.close()


async def test_metrics_are_closed_to_all_but_tokens_and_logins(serve, file):
    scraper, viewer = made(file, "prometheus", "", METRICS), made(file)
    client = serve(HANDLERS, tokens=file, metrics_auth=True)
    login = serve(HANDLERS, tokens=file, metrics_auth=True, basic_auth=("ann:x",))
    session = serve(HANDLERS, tokens=file, metrics_auth=True, auth="me@example.com")

    for site in (client, login, session):
        assert (await site.get("/metrics")).status == 401
        assert (await site.get("/healthcheck")).status == 200
        for token in (scraper, viewer):
            assert (await site.get("/metrics", **bearer(token))).status == 200
    assert (await login.get("/metrics", Authorization=basic("ann:x"))).status == 200
    assert "--scope=metrics" in (await client.get("/metrics")).text


async def test_a_token_for_metrics_opens_nothing_else(serve, file):
    scraper = made(file, "prometheus", "", METRICS)
    client = serve(HANDLERS, tokens=file)

    assert (await client.get("/metrics", **bearer(scraper))).status == 200
    for path in ("/api/echo/x", "/shown", "/stream"):
        assert (await client.get(path, **bearer(scraper))).status == 403


def test_the_file_holds_no_token_and_is_its_owners_alone(file):
    token = made(file)

    assert token not in Path(file).read_text()
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600


BOSS = '{"name":"a","role":"boss","scope":"","digest":"","created":1}'
FOR_LESS = '{"name":"a","role":"admin","scope":"metrics","digest":"","created":1}'


@pytest.mark.parametrize("line", ["x", "[]", "{}", '{"name": 1}', "\xff", BOSS, FOR_LESS])
def test_a_file_of_something_else_ends_the_start(file, line):
    Path(file).write_text(line, "latin-1")

    with pytest.raises(SettingsError, match="tokens") as caught:
        read_tokens(file)

    assert "\n" not in caught.value.message


def test_the_commands_make_list_and_revoke(file, tmp_path):
    def run(*words):
        done = subprocess.run(
            [PROGRAM, "token", *words, f"--tokens={file}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    code, token = run("create", "ci", "--role=operator", "--expires=90d")
    assert (code, token.startswith(PREFIX)) == (0, True)
    assert "leave --role out" in run("create", "x", "--role=admin", "--scope=metrics")[1]
    assert run("create", "prometheus", "--scope=metrics")[0] == 0
    code, listing = run("list")
    assert [line.split("  ")[:2] for line in listing.splitlines()] == [
        ["ci", "operator"],
        ["prometheus", "scope metrics"],
    ]
    assert token not in listing
    assert run("revoke", "ci")[0] == 0
    assert [record.name for record in read_tokens(file)] == ["prometheus"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "--role=viewer, operator or admin"),
        ({"role": "boss"}, "--role=viewer, operator or admin"),
        ({"scope": "all"}, "--scope=all is unknown"),
        ({"role": "viewer", "expires": "soon"}, "'soon'"),
    ],
)
def test_what_no_token_can_be_is_refused_in_one_line(file, given, words):
    options = {"role": "", "scope": "", "expires": "0", **given}
    with pytest.raises(SettingsError, match=words) as caught:
        create(["ci", f"--tokens={file}"], **options)

    assert "\n" not in caught.value.message


def test_a_name_is_given_once_and_only_what_is_there_is_revoked(file):
    made(file)
    with pytest.raises(SettingsError, match="There is a token 'ci' already"):
        made(file)
    with pytest.raises(SettingsError, match="There is no token 'other'"):
        revoke_token(file, "other")
