"""The page of addresses: languages, escaping, and a policy under which nothing foreign runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.language import language_of, texts
from api.routers.pages import ADDRESSES
from node.core.errors import UnavailableError
from tests.conftest import ROOT
from tests.simulators.reads import SimulatedReads


@pytest.mark.parametrize(
    ("query", "accept", "tag"),
    [
        ("", None, "zh-CN"),
        ("", "en", "en"),
        ("", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "zh;q=0.8, en;q=0.9", "en"),
        ("", "fr, de;q=0.9", "zh-CN"),
        ("", "zh-Hant-TW,en;q=0.5", "zh-CN"),
        ("?lang=en", "zh", "en"),
        ("?lang=zh", "en", "zh-CN"),
        ("?lang=klingon", "en", "en"),
        ("?lang=<script>", None, "zh-CN"),
    ],
)
def test_language_is_asked_then_preferred_then_chinese(
    http: TestClient, query: str, accept: str | None, tag: str
) -> None:
    said = http.get(f"/{query}", headers={"Accept-Language": accept} if accept else {})
    assert said.status_code == 200
    assert said.headers["content-language"] == tag
    assert said.headers["vary"] == "Accept-Language"
    assert f'<html lang="{tag}">' in said.text
    assert ("本节点的地址" in said.text) == (tag == "zh-CN")
    assert "klingon" not in said.text
    assert "<script" not in said.text


@pytest.mark.parametrize(
    "accept",
    ["", ",,,", ";q=1", "en;q=2", "en;q=-1", "en;q=nan", "en;q=1e9", "en;q=0", "*", "e" * 4000],
)
def test_malformed_preference_counts_as_none(accept: str) -> None:
    assert language_of(None, accept) == "zh"


def test_ranges_beyond_the_bound_are_not_read() -> None:
    assert language_of(None, "fr," * 31 + "en") == "en"
    assert language_of(None, "fr," * 32 + "en") == "zh"


@given(st.text(), st.none() | st.text())
def test_any_preference_gives_a_language(accept: str, asked: str | None) -> None:
    assert language_of(asked, accept) in ("zh", "en")


def test_every_text_is_there_in_both_languages() -> None:
    chinese, english = texts("zh"), texts("en")
    assert chinese.keys() == english.keys()
    assert {f"about.{address.name}" for address in ADDRESSES} <= chinese.keys()
    assert all(text.strip() for text in (*chinese.values(), *english.values()))
    unequal = {name for name in chinese if name != "other"}
    assert all(any("\u4e00" <= c <= "\u9fff" for c in chinese[name]) for name in unequal)


def test_name_of_the_node_is_escaped(http: TestClient) -> None:
    assert "<h1>株洲市&lt;中心&gt;</h1>" in http.get("/?lang=zh").text
    assert "<h1>Zhuzhou &amp; Centre</h1>" in http.get("/?lang=en").text


def test_test_clock_is_said_on_the_page(http: TestClient) -> None:
    assert 'class="warning">test clock: not for a real tender<' in http.get("/?lang=en").text


def test_page_lists_each_address_and_its_links_answer(
    http: TestClient, reads: SimulatedReads
) -> None:
    reads.note = "note"
    page = http.get("/").text
    for address in ADDRESSES:
        assert f"<code>{address.path}</code>" in page
        if address.opens:
            assert f'<a href="{address.path}">' in page
            assert http.get(address.path).status_code in (200, 503), address.path


def test_page_obeys_its_own_policy(http: TestClient) -> None:
    said = http.get("/")
    policy = said.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'self'"
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert not any(word in said.headers["content-security-policy"] for word in ("unsafe", "http"))
    assert said.headers["content-type"] == "text/html; charset=utf-8"
    sources = re.findall(r'(?:src|href)="([^"]*)"', said.text)
    assert sources
    assert all(source.startswith(("/", "#")) and source[:2] != "//" for source in sources)
    assert not re.search(r"<style|<script|\sstyle=|\son[a-z]+=", said.text)


def test_templates_hold_no_inline_style_or_script() -> None:
    files = list((ROOT / "api" / "pages").glob("*"))
    assert files
    for file in files:
        assert not re.search(r"<style|<script|\sstyle=|\son[a-z]+=|\|\s*safe", file.read_text())


def test_style_is_ours_and_static(http: TestClient) -> None:
    said = http.get("/static/page.css")
    assert said.headers["content-type"] == "text/css; charset=utf-8"
    assert said.content == Path(ROOT / "api" / "static" / "page.css").read_bytes()
    assert b"url(" not in said.content
    for path in ("/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/static/page.css/"):
        assert http.get(f"http://testserver{path}").status_code == 404


def test_page_of_a_node_that_cannot_say_who_it_is(http: TestClient, reads: SimulatedReads) -> None:
    reads.fault = UnavailableError("starting")
    assert http.get("/").status_code == 503
