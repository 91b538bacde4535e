"""`serve` starts sites on free ports."""

import pytest

from tests.web.site import Server


@pytest.fixture
async def serve():
    """Start a site: `client = serve([Handler], basic_auth=("me:secret",))`."""
    server = Server()
    yield server.start
    await server.stop()
