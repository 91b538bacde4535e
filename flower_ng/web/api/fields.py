"""What a search may name: the fields, for programs that help to write one. On the loop."""

from typing import Any

from flower_ng.store import Field, fields
from flower_ng.web.http.base import Endpoint, Need


class SearchFields(Endpoint):
    """The fields of the search language; not one of Flower's."""

    path = r"/api/search/fields"
    need = Need.READ
    summary = "List the fields that a search may name"

    async def get(self) -> None:
        """Answer `{"fields": [field]}`, as people should meet them."""
        self.write_json({"fields": [_described(field) for field in fields()]})


def _described(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "aliases": field.aliases,
        "about": field.about,
        "takes": field.kind.takes,
        "forms": dict(field.kind.forms),
        "values": field.values,
        "example": field.example,
    }
