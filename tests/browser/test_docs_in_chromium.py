"""Every built page of the docs in Chromium: no error, nothing missing or from elsewhere, no wider than a phone."""
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

SITE = Path(__file__).parents[2] / 'site'
# The search's own page is no document, and 404.html asks for files of a server's root.
PAGES = [path.relative_to(SITE).as_posix() for path in sorted(SITE.glob('**/index.html'))]


class Quiet(SimpleHTTPRequestHandler):
    """Serves without a log."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope='module')
def address():
    """Where the pages are served."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


@pytest.fixture(scope='module')
def opened(chromium, address):
    """Opens a page of the site at a width; gives the page, and what went wrong in it."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(120_000)  # busy machines
    wrong = []
    page.on('pageerror', lambda error: wrong.append(str(error)))
    page.on('console', lambda line: wrong.append(line.text) if line.type in ('error', 'warning') else None)
    page.on('response', lambda got: wrong.append(f'{got.status} {got.url}') if got.status >= 400 else None)
    page.on('request', lambda asked: None if asked.url.startswith((address, 'data:', 'blob:'))
            else wrong.append(asked.url))

    def open_it(path, width):
        wrong.clear()
        page.set_viewport_size(dict(width=width, height=900))
        page.goto(f'{address}/{path}')
        page.wait_for_load_state('networkidle')
        return page, wrong
    yield open_it
    context.close()


def test_the_docs_are_built():
    assert len(PAGES) > 40, 'make docs builds the pages'


@pytest.mark.parametrize('path', PAGES)
def test_a_page_opens_without_an_error_and_fits(opened, path):
    for width in (1280, 390):
        page, wrong = opened(path, width)
        assert wrong == []
        assert page.locator('article h1').count() == 1
        assert page.evaluate('document.scrollingElement.scrollWidth') <= width
        broken = page.evaluate('[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)')
        assert broken == []
        assert not re.search(r'^(\* |\| .* \|$|:::)', page.locator('article').inner_text(), re.MULTILINE)


def test_the_search_finds_a_page(opened):
    page, wrong = opened('index.html', 1280)
    page.locator('input[name=query]').click()
    page.keyboard.type('chumpy')
    page.locator('.md-search-result__link').first.wait_for()
    assert 'faq' in ' '.join(page.locator('.md-search-result__link').evaluate_all('all => all.map(a => a.href)'))
    assert wrong == []
