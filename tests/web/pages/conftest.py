"""`shop` is the cluster, `look` opens a page of it."""

import pytest

from tests.web.pages.html import Html
from tests.web.pages.shop import Shop
from tests.web.site import OPEN_API


@pytest.fixture
def shop():
    cluster = Shop()
    cluster.store.start()
    yield cluster
    cluster.store.stop()


@pytest.fixture
def look(serve, shop):
    """Open a page: `html = await look("/tasks", natural_time=True)`; controls are open."""

    async def get(path, *, status=200, environ=OPEN_API, headers=None, **options):
        client = serve(cluster=shop, environ=environ, **options)
        answer = await client.ask("GET", path, headers)
        assert answer.status == status, answer.text
        return Html.parsed(answer.text)

    return get
