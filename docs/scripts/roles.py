"""A hook of mkdocs: Sphinx's roles in docstrings (``:func:`name```) become code, as the rest of the page has it."""
import re
from typing import Any

ROLE = re.compile(r':(?:attr|class|data|func|meth|mod|obj):<code>(~?)([\w.]+)</code>')


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with plain names; a tilde leaves the last part of a name."""
    return ROLE.sub(lambda found: f'<code>{found[2].rpartition(".")[2] if found[1] else found[2]}</code>', html)
