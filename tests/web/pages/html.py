"""Reads pages as a browser does, and fails on any mistake in their markup."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib


class Html:
    """One page, or a part of it: `all` finds elements, `text` is what people read."""

    def __init__(self, root: Element) -> None:
        self.root = root

    @classmethod
    def parsed(cls, text: str) -> "Html":
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        return cls(parser.parse(text))

    def all(self, tag: str, **attributes: str) -> list["Html"]:
        """The elements with this tag and these attributes; `class_` is one class of several."""
        return [
            Html(element)
            for element in self.root.iter(tag)
            if all(_has(element, name.rstrip("_"), value) for name, value in attributes.items())
        ]

    def one(self, tag: str, **attributes: str) -> "Html":
        (found,) = self.all(tag, **attributes)
        return found

    def __getitem__(self, name: str) -> str | None:
        return self.root.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.root.attrib

    @property
    def text(self) -> str:
        return " ".join("".join(self.root.itertext()).split())

    @property
    def rows(self) -> list[list[str]]:
        """What the body of the first table in it reads."""
        rows = self.all("tbody")[0].all("tr")
        return [[cell.text for cell in map(Html, row.root) if not cell.is_tool] for row in rows]

    @property
    def cells(self) -> list["Html"]:
        """The values of the first table in it, of all rows."""
        return [cell for cell in self.all("tbody")[0].all("td") if not cell.is_tool]

    @property
    def is_tool(self) -> bool:
        """Whether it is a cell with a box or a button instead of a value."""
        return self["class"] == "tool"

    @property
    def facts(self) -> dict[str, str]:
        """The names and values of all definition lists in it."""
        names = [name.text for name in self.all("dt")]
        return dict(zip(names, [value.text for value in self.all("dd")], strict=True))

    @property
    def links(self) -> dict[str, str | None]:
        return {link.text: link["href"] for link in self.all("a")}

    def tags(self) -> Iterator[Element]:
        return (element for element in self.root.iter() if isinstance(element.tag, str))


def _has(element: Element, name: str, value: str) -> bool:
    actual = element.get(name.replace("_", "-"), "")
    return value in actual.split() if name == "class" else actual == value
