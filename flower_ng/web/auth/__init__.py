"""Auth: who someone is; passwords, sessions and login providers, without handlers."""

from flower_ng.web.auth.github import GitHub
from flower_ng.web.auth.gitlab import GitLab
from flower_ng.web.auth.google import Google
from flower_ng.web.auth.oauth import Provider
from flower_ng.web.auth.okta import Okta

PROVIDERS: tuple[type[Provider], ...] = (Google, GitHub, GitLab, Okta)
