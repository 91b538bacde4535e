"""Who has which role, by the entries of `roles`."""

import pytest

from flower_ng.errors import SettingsError
from flower_ng.web.auth.roles import Need, Role, Roles, roles_of

ENTRIES = (
    "admin:ann@example.com",
    "operator:group:sre",
    "operator: bob",
    "viewer:*@example.com",
)


@pytest.mark.parametrize(
    ("name", "groups", "role"),
    [
        ("ann@example.com", (), Role.ADMIN),
        ("Ann@Example.com", (), Role.ADMIN),
        ("ann@example.com.evil.example", (), Role.NONE),
        ("xann@example.com", (), Role.VIEWER),
        ("bob", (), Role.OPERATOR),
        ("Bob", (), Role.NONE),
        ("carl", ("sre",), Role.OPERATOR),
        ("carl", ("SRE", "sre2"), Role.NONE),
        ("dora@example.com", ("sre",), Role.OPERATOR),
        ("dora@sub.example.com", (), Role.NONE),
        ("@example.com", (), Role.NONE),
        ("group:sre", (), Role.NONE),
        ("*@example.com", (), Role.VIEWER),
        ("ann@exa\u212aample.com", (), Role.NONE),
        ("", (), Role.NONE),
    ],
)
def test_the_highest_role_that_fits_counts(name, groups, role):
    assert Roles(ENTRIES).role(name, groups) is role


def test_without_entries_everybody_is_an_admin():
    assert Roles().role("ann") is Role.ADMIN


def test_a_star_is_for_everybody_else():
    assert Roles((*ENTRIES, "viewer:*")).role("carl") is Role.VIEWER


@pytest.mark.parametrize(
    "entry",
    ["", "ann", "boss:ann", "admin:", "admin:group:", "admin: ", "admin:a*", "admin:*@", "none:x"],
)
def test_what_is_no_entry_ends_the_start(entry):
    with pytest.raises(SettingsError, match="roles"):
        Roles([entry])


def test_a_file_adds_to_the_option(tmp_path):
    file = tmp_path / "roles"
    file.write_text("# the night shift\noperator:group:night  # until May\n\nviewer:*\n")

    assert roles_of(["admin:ann"], str(file)) == ("admin:ann", "operator:group:night", "viewer:*")


@pytest.mark.parametrize("text", [None, "", "# nobody\n", "boss:ann\n", b"\xff\xfe"])
def test_a_file_that_names_no_roles_ends_the_start(tmp_path, text):
    file = tmp_path / "roles"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(SettingsError, match="roles_path") as caught:
        roles_of([], str(file))

    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("role", "needs"),
    [
        (Role.NONE, {Need.OPEN}),
        (Role.VIEWER, {Need.OPEN, Need.READ}),
        (Role.OPERATOR, {Need.OPEN, Need.READ, Need.OPERATE}),
        (Role.ADMIN, set(Need)),
    ],
)
def test_each_role_may_what_the_lower_ones_may(role, needs):
    assert {need for need in Need if role.may(need)} == needs
