import re
from pathlib import Path

import pytest

from flower_ng.web.routes import ENDPOINTS

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
def test_every_endpoint_is_in_the_documentation(endpoint):
    path = re.sub(r"\(\.[+*]\)", r"{[a-z-]+}", endpoint.path)

    assert re.search(path, DOCS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
def test_every_endpoint_says_what_it_does(endpoint):
    assert endpoint.summary
    assert endpoint.__doc__
