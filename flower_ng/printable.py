"""Makes names and messages from outside harmless wherever people read them. Pure; any thread."""

import re
from typing import Final

#: What chat services take for a call to everybody, or for a link: `<!channel>`, `<@U1>`.
_CALL: Final = re.compile(r"<(?=[!@#])|(?<!\w)@(?=(?:everyone|here|channel|all)\b)")
_HARMLESS: Final = {"<": "\u2039", "@": "\uff20"}


def one_line(text: str) -> str:
    """Return a text for logs, titles and messages: of one line, each character visible.

    What could end a line, overwrite it, or turn its direction (a line break, ESC, U+202E) is shown
    as an escape; what chat services take for a call to everybody is written with another character.
    """
    if "<" in text or "@" in text:
        text = _CALL.sub(lambda found: _HARMLESS[found[0]], text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
