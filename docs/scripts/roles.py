"""A hook of mkdocs: Sphinx's roles (``:func:`name```) and ``::`` in docstrings become Markdown's; hashes wrap."""
import re
from typing import Any

ROLE = re.compile(r':(?:attr|class|data|func|meth|mod|obj):<code>(~?)\.?([\w.]+)</code>')
HASH = re.compile(r'<code>([0-9a-f]{32})([0-9a-f]{32})</code>')


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with plain names, of which a tilde leaves the last part, single colons, and hashes that wrap."""
    html = ROLE.sub(lambda found: f'<code>{found[2].rpartition(".")[2] if found[1] else found[2]}</code>', html)
    html = html.replace('::</p>', ':</p>')
    return HASH.sub(r'<code>\1<wbr>\2</code>', html)
