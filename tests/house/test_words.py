"""Pages say each thing in one way: wordings that were replaced by plainer ones do not return."""

import ast
from pathlib import Path

import flower_ng
from flower_ng import assets

#: Each was on a page once, and needed a second reading.
REPLACED = (
    " were seen",
    "Failed of the finished",
    "Wait before the start",
    "nothing is known of what happened",
    "never what was changed",
    "told in another order",
    "Where its time went",
    "Relatives",
    "Its page",
    "The whole run",
    "What the broker tells",
    "what nobody tells",
    "it grows",
    "nobody consumes",
    "Who is told",
    "Nothing is wrong",
    "Nothing is said yet",
    "tried again and again",
    "more waits than its workers can take",
    "was received by a worker in this time",
    "Not drawn",
    "of no limit",
    "What is held",
    ">At most<",
    "Deleted since the start",
    '"Too many"',
    '"Too old"',
    '"Too large"',
    "does not come back by itself",
    "it has no autoscaler",
    ">Past<",
    "As at first",
    "Received then",
    "Keep this view",
    "asks for attention",
    "Look again",
    "The doctor is looking",
    "pretended shop",
    "Failures of the last",
)


def _shown(path: Path) -> str:
    """What of a file may be on a page: all of it; of a Python module its strings, not its docs."""
    text = path.read_text()
    if path.suffix != ".py":
        return text
    tree = ast.parse(text)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return "\n".join(
        f'"{node.value}"'
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    )


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _sources() -> dict[str, str]:
    """What of each file may be on a page, by its path."""
    return {
        path.relative_to(folder.parent).as_posix(): _shown(path)
        for folder, pattern in (
            (assets.templates(), "*.html"),
            (assets.static(), "*.js"),
            (Path(flower_ng.__file__).parent, "*.py"),
        )
        for path in sorted(folder.rglob(pattern))
    }


def test_a_replaced_wording_is_nowhere():
    sources = _sources()

    assert [
        (words, name) for words in REPLACED for name, text in sources.items() if words in text
    ] == []
