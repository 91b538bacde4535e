"""Logins: the handlers of `/login`, by the names that Flower gives them; on the loop."""

from flower_ng.web.logins.github import GithubLoginHandler
from flower_ng.web.logins.gitlab import GitLabLoginHandler
from flower_ng.web.logins.google import GoogleAuth2LoginHandler
from flower_ng.web.logins.oauth import OAuthLogin
from flower_ng.web.logins.okta import OktaLoginHandler

PROVIDERS: tuple[type[OAuthLogin], ...] = (
    GoogleAuth2LoginHandler,
    GithubLoginHandler,
    GitLabLoginHandler,
    OktaLoginHandler,
)
