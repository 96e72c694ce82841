"""Hooks of mkdocs: Sphinx roles (``:func:`name```) and ``::`` become Markdown, hashes wrap, the search is mended."""
import re
from pathlib import Path
from typing import Any

ROLE = re.compile(r':(?:attr|class|data|func|meth|mod|obj):<code>(~?)\.?([\w.]+)</code>')
HASH = re.compile(r'<code>([0-9a-f]{32})([0-9a-f]{32})</code>')
NODE_KEY = re.compile(r'((\w)=\2\+\w\+\w\.id)(?=\}return \2\})')


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with plain names, of which a tilde leaves the last part, single colons, and hashes that wrap."""
    html = ROLE.sub(lambda found: f'<code>{found[2].rpartition(".")[2] if found[1] else found[2]}</code>', html)
    html = html.replace('::</p>', ':</p>')
    return HASH.sub(r'<code>\1<wbr>\2</code>', html)


def on_post_build(config: Any) -> None:
    """Separate the parts of a key in lunr, the search of the pages.

    Without it, words with digits can share a key, and queries such as ``c`` fail (olivernn/lunr.js#503).
    """
    for worker in Path(config['site_dir']).glob('assets/javascripts/workers/search.*.js'):
        worker.write_text(NODE_KEY.sub(r'\1+","', worker.read_text(encoding='utf-8')), encoding='utf-8')
