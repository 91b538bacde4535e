"""`serve` starts sites on free ports, as in the tests of the web."""

from tests.web.conftest import serve

__all__ = ["serve"]
