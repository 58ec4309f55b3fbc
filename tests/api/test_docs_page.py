"""The API's document is served as it is committed, and shown on a page that takes nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from scripts.generate_openapi import DOCUMENT
from tests.api.conftest import Caller


def test_document_when_served_then_it_is_the_committed_one(nobody: Caller) -> None:
    assert nobody.get("/openapi.json").json() == json.loads(DOCUMENT.read_text())


def test_docs_when_opened_then_every_operation_and_schema_is_there(nobody: Caller) -> None:
    page = nobody.get("/docs")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    document = json.loads(DOCUMENT.read_text())
    operations = [one["operationId"] for each in document["paths"].values() for one in each.values()]
    wanted = {*operations, *(f"schema-{name}" for name in document["components"]["schemas"])}
    assert wanted <= set(re.findall(r'<article id="([^"]+)"', page.text))


def test_docs_when_opened_then_its_links_lead_somewhere_on_the_page(nobody: Caller) -> None:
    page = nobody.get("/docs").text
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))


def test_docs_when_opened_then_nothing_but_its_own_style_is_let_in(nobody: Caller) -> None:
    page = nobody.get("/docs")
    style = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "<script" not in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
