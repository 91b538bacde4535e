"""Code that was made for Flower runs here, unchanged."""

import importlib
import sys
from types import SimpleNamespace

import pytest

from flower_ng import drop_in
from flower_ng.errors import SettingsError
from flower_ng.web.auth.client import OAuthClient
from flower_ng.web.logins.base import BaseHandler
from flower_ng.web.logins.oauth import OAuthLogin
from tests.web.probes import HANDLERS
from tests.web.site import Server

ME = "me@example.com"
CUSTOM = """
from flower.views import BaseHandler


class Door(BaseHandler):
    async def get(self):
        if self.get_argument("name", None) is None:
            oauth = self.settings["oauth"]
            self.redirect("http://sso.example/?client_id=" + oauth["key"])
            return
        if self.get_argument("name") != "me":
            self.set_status(403)
            self.write("not " + self.get_argument("name"))
            return
        self.set_secure_cookie("user", "me@example.com")
        self.set_header("X-App", self.capp.main)
        self.set_header("X-Auth", self.application.options.auth)
        self.redirect(self.get_argument("next", self.application.options.url_prefix or "/"))


class Plain:
    pass
"""


@pytest.fixture(autouse=True)
def clean_imports():
    """Leave no trace of the stand-ins for other tests."""
    yield
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not isinstance(finder, drop_in.StandIn)
    ]
    for name in [name for name in sys.modules if name.partition(".")[0] in ("flower", "custom")]:
        del sys.modules[name]


@pytest.fixture
def custom(tmp_path, monkeypatch):
    (tmp_path / "custom.py").write_text(CUSTOM)
    (tmp_path / "broken_custom.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    return "custom.Door"


def test_the_names_of_the_manual_can_be_imported():
    drop_in.install()

    assert importlib.import_module("flower.utils.template").humanize("x_y") == "X y"
    assert importlib.import_module("flower.views").BaseHandler is BaseHandler
    auth = importlib.import_module("flower.views.auth")
    assert auth.authenticate("me@example.com", ME)
    for name in ("GoogleAuth2", "Github", "GitLab", "Okta"):
        assert getattr(auth, f"{name}LoginHandler")


def test_without_installing_there_is_no_flower():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("flower.views")


def test_what_the_manual_does_not_name_is_not_there():
    drop_in.install()

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("flower.app")


def test_an_installed_flower_goes_first(tmp_path, monkeypatch):
    (tmp_path / "flower").mkdir()
    (tmp_path / "flower" / "__init__.py").write_text("real = True")
    monkeypatch.syspath_prepend(tmp_path)
    drop_in.install()

    assert importlib.import_module("flower").real


def test_installing_twice_offers_the_names_once():
    assert drop_in.install() is drop_in.install()


def test_the_options_are_there_once_they_are_loaded():
    drop_in.install()
    options = importlib.import_module("flower.options").options
    with pytest.raises(AttributeError, match="not loaded yet"):
        _ = options.auth
    drop_in.install(SimpleNamespace(auth=ME))  # type: ignore[arg-type]  # one option will do

    assert options.auth == ME


@pytest.mark.parametrize(
    "name",
    ["GoogleAuth2LoginHandler", "GithubLoginHandler", "GitLabLoginHandler", "OktaLoginHandler"],
)
def test_the_names_of_flowers_providers_mean_ours(name, monkeypatch):
    monkeypatch.setenv("FLOWER_OAUTH2_OKTA_BASE_URL", "https://okta.example")
    handler = drop_in.login_handler(f"flower.views.auth.{name}")

    assert issubclass(handler, OAuthLogin)
    assert handler.flower_name == f"flower.views.auth.{name}"


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_the_option_there_is_no_login(nothing):
    assert drop_in.login_handler(nothing) is None


@pytest.mark.parametrize(
    ("dotted", "why"),
    [
        ("nowhere.Door", "No module named 'nowhere'"),
        ("custom.Window", "no attribute 'Window'"),
        ("custom.Plain", "not a Tornado RequestHandler"),
        ("broken_custom.Door", "ZeroDivisionError"),
        ("Door", "cannot be used"),
        ("flower.views.auth.NoSuchHandler", "no attribute"),
    ],
)
@pytest.mark.usefixtures("custom")
def test_a_provider_that_cannot_be_used_ends_the_start_with_the_reason(dotted, why):
    with pytest.raises(SettingsError, match=why) as caught:
        drop_in.login_handler(dotted)

    assert "--auth_provider" in caught.value.message


@pytest.fixture
async def client(custom):
    server = Server()
    yield server.start(
        HANDLERS,
        login=drop_in.login_handler(custom),
        oauth=OAuthClient("our-key", "our-secret", "http://flower.example/login"),
        auth=ME,
        url_prefix="flower",
    )
    await server.stop()


async def test_a_handler_made_for_flower_sends_people_out(client):
    answer = await client.get("/flower/login")

    assert answer.headers["Location"] == "http://sso.example/?client_id=our-key"


async def test_a_handler_made_for_flower_logs_people_in(client):
    back = await client.get("/flower/login?name=me&next=/flower/shown")
    cookie = back.cookies["user"].partition(";")[0]
    page = await client.get("/flower/shown", Cookie=f"user={cookie}")

    assert (back.status, back.headers["Location"]) == (302, "/flower/shown")
    assert (back.headers["X-App"], back.headers["X-Auth"]) == ("shop", ME)
    assert page.status == 200
    assert "HttpOnly" in back.cookies["user"]
    assert "SameSite=Lax" in back.cookies["user"]


async def test_a_handler_made_for_flower_gets_its_arguments_escaped(client):
    answer = await client.get("/flower/login?name=%3Cb%3E")

    assert (answer.status, answer.text) == (403, "not &lt;b&gt;")


async def test_an_address_that_a_foreign_handler_let_in_is_checked_on_every_request(custom):
    server = Server()
    client = server.start(HANDLERS, login=drop_in.login_handler(custom), auth="boss@example.com")
    back = await client.get("/login?name=me")
    cookie = back.cookies["user"].partition(";")[0]
    answer = await client.get("/shown", Cookie=f"user={cookie}")
    await server.stop()

    assert answer.status == 302
