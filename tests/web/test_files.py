import pytest

from flower_ng import assets
from tests.web.probes import HANDLERS

FORBIDDEN = "<html><title>403: Forbidden</title><body>403: Forbidden</body></html>"
MISSING = "<html><title>404: Not Found</title><body>404: Not Found</body></html>"


@pytest.fixture
def static(tmp_path):
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "tokens.css").write_text(":root {}")
    (tmp_path / "favicon.ico").write_bytes(b"\0\0\1\0")
    return tmp_path


@pytest.fixture
def client(serve, static):
    return serve(HANDLERS, static=static, basic_auth=("me:secret",))


async def test_a_plain_path_is_served_to_all_and_asked_for_again(client):
    answer = await client.get("/static/css/tokens.css")

    assert (answer.status, answer.type, answer.text) == (200, "text/css", ":root {}")
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_path_with_the_digest_is_kept_for_ever(client, static):
    answer = await client.get(f"/static/{assets.digest(static)}/css/tokens.css")

    assert (answer.status, answer.text) == (200, ":root {}")
    assert "immutable" in answer.headers["Cache-Control"]


async def test_a_path_with_the_digest_of_another_build_is_served_but_not_kept(client):
    answer = await client.get("/static/0123456789abcdef/css/tokens.css")

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_head_is_answered_without_a_body(client):
    answer = await client.ask("HEAD", "/static/css/tokens.css")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == "8"


async def test_the_icon_has_its_type(client):
    answer = await client.get("/static/favicon.ico")

    assert (answer.status, answer.type) == (200, "image/vnd.microsoft.icon")


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/static/nothing.css", 404, MISSING),
        ("/static/%00", 404, MISSING),
        ("/static/css/tokens.css%00.js", 404, MISSING),
        ("/static/css", 403, FORBIDDEN),
        ("/static/", 403, FORBIDDEN),
        ("/static/..%2f..%2fetc/passwd", 403, FORBIDDEN),
        ("/static/%2e%2e/%2e%2e/etc/passwd", 403, FORBIDDEN),
        ("/static//etc/passwd", 403, FORBIDDEN),
    ],
)
async def test_what_is_no_file_of_ours_answers_with_a_bare_line(client, path, status, body):
    answer = await client.get(path)

    assert (answer.status, answer.text) == (status, body)
    assert answer.type == "text/html; charset=UTF-8"


async def test_files_move_under_the_prefix(serve, static):
    client = serve(HANDLERS, static=static, url_prefix="flower")

    assert (await client.get("/flower/static/css/tokens.css")).status == 200
    assert (await client.get(f"/flower/static/{assets.digest(static)}/favicon.ico")).status == 200


async def test_the_style_sheets_of_every_page_are_one_answer(serve):
    folder = assets.static()
    client = serve(HANDLERS)
    answer = await client.get(f"/static/{assets.digest(folder)}/css/all.css")
    tag = {"If-None-Match": answer.headers["Etag"]}

    assert (answer.status, answer.type) == (200, "text/css; charset=UTF-8")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "@import" not in answer.text
    for part in (folder / "css/parts").iterdir():
        assert f"@layer parts {{\n{part.read_text()}}}" in answer.text
    same = await client.get(f"/static/{assets.digest(folder)}/css/all.css", **tag)
    assert (same.status, same.body) == (304, b"")
