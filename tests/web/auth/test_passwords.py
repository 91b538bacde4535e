"""Passwords with hashes, and how often they may be guessed; over the wire, and with real hashes."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flower_ng.errors import SettingsError, TooManyRequests
from flower_ng.web.auth.basic import KEPT_S, BasicAuth
from flower_ng.web.auth.htpasswd import Htpasswd, hashed, read_htpasswd
from flower_ng.web.auth.throttle import (
    MOST_BY_NAME,
    MOST_BY_PEER,
    MOST_KEYS,
    WINDOW_S,
    Throttle,
)
from tests.web.probes import HANDLERS
from tests.web.site import basic

#: "secret", as htpasswd -B and Python's bcrypt write it.
BCRYPT = "$2b$04$TFXK/LB0jEXLvGafnjVj.OSu02Rp2bEbPLfb6aEzpN9ZX5aK2y9pG"
ARGON2 = hashed("grün,secret")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(f"# people\nann:{ARGON2}\n\nbob:{BCRYPT}\n")
    return str(path)


async def status(client, pair):
    return (await client.get("/shown", Authorization=basic(pair))).status


async def test_users_of_the_file_log_in_beside_the_plain_pairs(serve, file):
    client = serve(HANDLERS, htpasswd=file, basic_auth=("carl:plain",))

    for pair in ("ann:grün,secret", "bob:secret", "carl:plain"):
        assert await status(client, pair) == 200
        assert await status(client, pair) == 200
    for pair in ("ann:secret", "bob:grün,secret", "dora:secret", f"ann:{ARGON2}", "ann:"):
        assert await status(client, pair) == 401


async def test_who_is_unknown_waits_as_long_as_who_is_known():
    logins = BasicAuth((), Htpasswd({"ann": ARGON2}))

    async def took_s(pair, peer):
        start = time.process_time()  # of all threads, however busy the machine is
        assert await logins.user(basic(pair), peer) is None
        return time.process_time() - start

    known = min([await took_s(f"ann:{n}", "a") for n in range(5)])
    unknown = min([await took_s(f"{n}:{n}", "b") for n in range(5)])

    assert 1 / 3 < known / unknown < 3


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "ann:",
        ":$2b$04$x",
        "ann:plain",
        "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "ann:$apr1$x$y",
        "ann:$argon2id$broken",
        "ann:$2b$04$broken",
        "# nobody",
    ],
)
def test_a_line_that_holds_no_hash_ends_the_start_and_is_not_shown(tmp_path, text):
    path = tmp_path / "htpasswd"
    path.write_text(text)

    with pytest.raises(SettingsError, match="htpasswd") as caught:
        read_htpasswd(str(path))

    assert "\n" not in caught.value.message
    assert text not in caught.value.message


def test_a_file_that_is_not_there_ends_the_start(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_htpasswd(str(tmp_path / "none"))


async def test_guessing_is_slowed_down_and_keeps_nobody_out_who_is_in(serve):
    client = serve(HANDLERS, basic_auth=("ann:secret", "bob:hidden"))

    assert await status(client, "ann:secret") == 200
    tries = [await status(client, f"ann:{n}") for n in range(MOST_BY_PEER + 5)]
    answer = await client.get("/api/echo/x", Authorization=basic("bob:hidden"))

    assert tries == [401] * MOST_BY_PEER + [429] * 5
    assert answer.status == 429
    assert answer.text.startswith("Too many wrong passwords: try again in ")
    assert 0 < int(answer.headers["Retry-After"]) <= WINDOW_S
    assert await status(client, "ann:secret") == 200
    assert (await client.get("/shown")).status == 401


async def test_a_large_body_is_no_way_to_guess(serve):
    client = serve(HANDLERS, basic_auth=("ann:secret",))
    body = b"x" * (3 << 20)
    for n in range(MOST_BY_PEER):
        await client.ask("POST", "/api/act/x", {"Authorization": basic(f"ann:{n}")}, body)

    assert await status(client, "ann:secret") == 429


async def test_who_asks_from_elsewhere_is_not_slowed_down():
    clock = Clock()
    logins = BasicAuth(("ann:secret",), clock=clock)
    for n in range(MOST_BY_PEER):
        assert await logins.user(basic(f"ann:{n}"), "guesser") is None
    with pytest.raises(TooManyRequests):
        await logins.user(basic("ann:secret"), "guesser")

    assert await logins.user(basic("ann:secret"), "elsewhere") == "ann"
    clock.now = max(WINDOW_S, KEPT_S) + 1
    assert await logins.user(basic("ann:secret"), "guesser") == "ann"


async def test_many_guesses_at_once_are_no_more_guesses():
    logins = BasicAuth((), Htpasswd({"ann": BCRYPT}))
    guesses = [logins.user(basic(f"ann:{n}"), "guesser") for n in range(4 * MOST_BY_PEER)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)

    assert answers.count(None) == MOST_BY_PEER
    assert all(isinstance(one, TooManyRequests) for one in answers if one is not None)


async def test_hashing_is_no_work_of_the_loop_nor_done_for_who_guesses_too_much(monkeypatch):
    hashing = []

    def matches(_known, _password):
        hashing.append(threading.current_thread())
        return False

    monkeypatch.setattr("flower_ng.web.auth.htpasswd.matches", matches)
    logins = BasicAuth((), Htpasswd({"ann": ARGON2}))
    for n in range(MOST_BY_PEER):
        assert await logins.user(basic(f"ann:{n}"), "guesser") is None
    with pytest.raises(TooManyRequests):
        await logins.user(basic("ann:once more"), "guesser")

    assert len(hashing) == MOST_BY_PEER
    assert threading.main_thread() not in hashing
    assert all(one.name.startswith("flower-passwords") for one in hashing)


async def test_many_requests_at_once_with_the_right_password_all_come_in():
    logins = BasicAuth((), Htpasswd({"ann": BCRYPT}))
    for _ in range(2):
        requests = [logins.user(basic("ann:secret"), "home") for _ in range(4 * MOST_BY_PEER)]
        assert await asyncio.gather(*requests) == ["ann"] * len(requests)
    for n in range(MOST_BY_PEER):
        assert await logins.user(basic(f"bob:{n}"), "home") is None


async def test_who_keeps_asking_stays_in_however_much_is_guessed():
    clock = Clock()
    logins = BasicAuth(("ann:secret",), clock=clock)
    assert await logins.user(basic("ann:secret"), "home") == "ann"
    clock.now = KEPT_S - 1
    assert await logins.user(basic("ann:secret"), "home") == "ann"
    clock.now = KEPT_S + 1
    for n in range(MOST_BY_NAME):
        assert await logins.user(basic(f"ann:{n}"), f"guesser {n}") is None

    assert await logins.user(basic("ann:secret"), "home") == "ann"


def test_addresses_of_one_network_are_one_guesser():
    throttle = Throttle(Clock())
    for n in range(MOST_BY_PEER):
        throttle.failed(f"2001:db8:1:2::{n:x}", f"name {n}")
        throttle.failed("::ffff:192.0.2.7", f"name {n}")

    for peer in ("2001:db8:1:2:ffff::", "192.0.2.7"):
        with pytest.raises(TooManyRequests):
            throttle.check(peer, "another")
    for peer in ("2001:db8:1:3::1", "192.0.2.8", "::1", ""):
        throttle.check(peer, "another")


def test_a_name_is_guessed_from_many_addresses_no_faster():
    throttle = Throttle(Clock())
    for n in range(MOST_BY_NAME):
        throttle.check(f"peer {n}", "ann")
        throttle.failed(f"peer {n}", "ann")

    with pytest.raises(TooManyRequests):
        throttle.check("another", "ann")
    throttle.check("another", "bob")


def test_what_is_remembered_of_guessers_is_bounded():
    throttle = Throttle(Clock())
    for _ in range(MOST_BY_PEER):
        throttle.failed("first", "first")
    for n in range(MOST_KEYS):
        throttle.failed(f"peer {n}", f"name {n}")

    throttle.check("first", "first")


def test_the_command_makes_a_line_of_the_file(tmp_path):
    words = [str(Path(sys.executable).with_name("flower-ng")), "hash-password"]
    made = subprocess.run(
        [*words, "ann"], input="a: b,c\n", capture_output=True, text=True, check=True
    )
    path = tmp_path / "htpasswd"
    path.write_text(made.stdout)
    without = subprocess.run(words, input="x\n", capture_output=True, text=True, check=False)

    assert list(read_htpasswd(str(path))) == ["ann"]
    assert "a: b" not in made.stdout
    assert without.returncode == 1
    assert "Name one user" in without.stderr
