import pytest

from flower_ng.web.auth.landing import landing

BAD = [
    "",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: user=x",
    "\t//evil.example",
    " //evil.example",
    "http://evil.example",
    "https://evil.example/tasks",
    "https:evil.example",
    "https:/evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example/%2f..",
    "/a/../..//evil.example",
    "/a//evil.example",
    "/..//evil.example",
    "//user@evil.example",
    "//[evil",
    "/tasks\x00",
    "evil.example",
    "?next=//evil.example",
]


@pytest.mark.parametrize("wanted", BAD)
def test_a_way_out_leads_to_the_front_page(wanted):
    assert landing(wanted, "") == "/"


@pytest.mark.parametrize("wanted", [bad for bad in BAD if bad != "evil.example"])
def test_a_way_out_leads_to_the_front_page_under_a_prefix_too(wanted):
    assert landing(wanted, "/flower") == "/flower/"


@pytest.mark.parametrize(
    "wanted",
    [
        "/",
        "/tasks",
        "/tasks?state=FAILURE&name=a.b",
        "/worker/w1@box",
        "/worker/w1%40box",
        "/tasks?search=http://x",
        "/%09/e",
    ],
)
def test_a_local_path_is_kept(wanted):
    assert landing(wanted, "") == wanted


def test_a_missing_first_slash_is_added_under_a_prefix():
    assert landing("flower/tasks?a=1", "/flower") == "/flower/tasks?a=1"


def test_other_characters_are_encoded_for_the_header():
    assert landing("/tasks?name=é", "") == "/tasks?name=%C3%A9"
