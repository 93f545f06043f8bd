"""What pages are checked with."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from typing import Any

_VOID = {"meta", "link", "img", "input", "br"}


class Tags(HTMLParser):
    """Collects addresses and texts, and checks that elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [(tag, value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def parsed(html: str) -> Tags:
    """Raises AssertionError if an element is not closed."""
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def page_data(html: str) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(r'<script type="text/plain" id="data">(.*?)</script>', html)
    assert found
    return json.loads(zlib.decompress(base64.b64decode(found[1])))


def asks_the_network_for_nothing(html: str, folder: Any) -> None:
    """Every address is inside the page, or a link to a file next to it."""
    assert not re.search(r"https?://|@import|\bfetch\(|XMLHttpRequest|import\(", html)
    assert all(inside.startswith("data:") for inside in re.findall(r"url\((.*?)\)", html))
    assert "default-src 'none'" in html
    for tag, address in parsed(html).addresses:
        if tag != "a":
            assert address.startswith("data:")
        elif address.startswith("#"):
            assert f'id="{address[1:]}"' in html
        else:
            assert (folder / address).is_file()
