"""A browser as far as logins go: it keeps cookies and follows the provider's way back."""

from urllib.parse import parse_qs, urlsplit

from tornado.web import decode_signed_value

from tests.web.provider import GOOD_CODE
from tests.web.site import SECRET


class Browser:
    """Keeps the cookies of one client."""

    def __init__(self, client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    async def get(self, path, **headers):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.client.get(path, Cookie=cookie, **headers)
        for name, line in answer.cookies.items():
            self.cookies[name] = line.partition(";")[0].strip('"')
        return answer

    async def log_in(self, path="/login", code=GOOD_CODE):
        """Go there and come back with a code, as the provider sends browsers."""
        out = await self.get(path)
        state = parse_qs(urlsplit(out.headers["Location"]).query)["state"][0]
        return await self.get(f"{path.partition('?')[0]}?code={code}&state={state}")

    @property
    def user(self):
        value = decode_signed_value(SECRET, "user", self.cookies.get("user"))
        return value and value.decode()
