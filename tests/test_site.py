"""The web edition: built from stored outputs, with search, links that lead somewhere, and a text for every
picture.
"""

import html
import importlib.util
import json
import re
import urllib.parse
from html.parser import HTMLParser

import nbformat
import pytest

from lenet_helpers.figures.export import OUTCOME
from lenet_helpers.quizzes.questions import load_questions
from tools.browser import FLAGS, find_browser
from tools.notebooks import chapters

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("myst_nb"), reason="the web edition needs sphinx and myst-nb"
)


class Page(HTMLParser):
    """What a page links to, loads, shows and can be linked at."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.images, self.ids = [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif tag == "img":
            self.images.append(found)
        elif tag == "script" and found.get("src"):
            self.loads.append(found["src"])
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon"):
            self.loads.append(found["href"])

    handle_startendtag = handle_starttag


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from tools.site import build

    folder = tmp_path_factory.mktemp("site") / "html"
    assert build(folder) == 0
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_chapter_has_its_page(site, pages):
    for path in chapters():
        folder = site if path.parent.name == "en" else site / path.parent.name
        assert folder / f"{path.stem}.html" in pages


def test_links_inside_the_site_lead_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links + page.loads + [image["src"] for image in page.images]:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append(f"{path.name}: {link}")
            elif (
                parts.fragment
                and target in pages
                and urllib.parse.unquote(parts.fragment) not in pages[target].ids
            ):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(pages):
    foreign = [
        f"{path.name}: {item}"
        for path, page in pages.items()
        for item in page.loads + [i["src"] for i in page.images]
        if "://" in item or item.startswith("//")
    ]
    assert not foreign


def test_every_picture_has_its_text(pages):
    silent = [
        f"{path.name}: {image['src'][:60]}"
        for path, page in pages.items()
        for image in page.images
        if not (image.get("alt") or "").strip()
    ]
    assert not silent


def test_the_search_knows_the_chapters(site):
    index = (site / "searchindex.js").read_text("utf-8")
    assert '"equivari' in index or "equivari:" in index
    assert (site / "search.html").exists()
    assert re.search(r"01-why-convolution", index)


# What differs from JupyterLab: no kernel -------------------------------------------------


def page_of(site, path):
    folder = site if path.parent.name == "en" else site / path.parent.name
    return (folder / f"{path.stem}.html").read_text("utf-8")


def folds(page):
    """(summary, what it holds) of every <details> of a page, in words."""
    return [
        tuple(html.unescape(re.sub(r"<[^>]+>", "", part)).strip() for part in found)
        for found in re.findall(
            r"<details[^>]*>\s*<summary[^>]*>(.*?)</summary>(.*?)</details>", page, re.DOTALL
        )
    ]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_question_answers_every_choice_without_a_script(site, path):
    page = page_of(site, path)
    asked, questions = folds(page), load_questions(path.stem, path.parent.name)
    for question in questions:
        if html.escape(question.text) in page:
            for option in question.options:
                assert any(
                    choice == option.text
                    and said.endswith(option.feedback)
                    and ("✓" in said) == option.correct
                    for choice, said in asked
                ), (question.id, option.id)
    assert sum(html.escape(question.text) in page for question in questions) >= 1
    for block in re.findall(r'<div class="lenet-question">.*?</div>', page, re.DOTALL):
        assert "<script" not in block and not re.search(r"<details[^>]* open", block)
        assert len(set(re.findall(r'<details name="([^"]+)"', block))) == 1, "one answer open at a time"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_chapters_are_numbered_and_hints_and_solutions_fold(site, path):
    page, cells = page_of(site, path), nbformat.read(path, 4).cells
    assert re.search(rf"<h1>{int(path.stem[:2])} \S", page)
    if path.parent.name == "en":
        words = [choice for choice, _said in folds(page)]
        solutions = sum(bool(cell.metadata.get("jupyter", {}).get("source_hidden")) for cell in cells)
        hints = sum("check.hint(" in cell.source for cell in cells if cell.cell_type == "code")
        assert sum("Show a solution" in choice for choice in words) == solutions > 0
        assert sum("Show a hint" in choice for choice in words) == hints > 0
        assert "Show code cell" not in page


@pytest.mark.parametrize("path", chapters(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_prediction_hides_is_folded_away(site, path):
    outcomes = [
        output["data"][OUTCOME]
        for cell in nbformat.read(path, 4).cells
        for output in cell.get("outputs", [])
        if OUTCOME in output.get("data", {})
    ]
    said = dict(folds(page_of(site, path)))
    shown = [choice for choice, _said in folds(page_of(site, path))]
    assert [outcome["summary"] for outcome in outcomes if outcome["summary"] not in said] == []
    assert sum(shown.count(word) for word in {o["summary"] for o in outcomes}) == len(outcomes)


def test_links_of_the_start_page_lead_to_pages(site):
    page = (site / "00-start-here.html").read_text("utf-8")
    assert 'href="01-why-convolution.html"' in page and "cell-id=" not in page and ".ipynb" not in page
    assert page.count('href="zh/00-start-here.html"') == 2  # in the text, and in the sidebar


# Two languages ---------------------------------------------------------------------------

OTHER = {"en": ("zh", "zh/"), "zh": ("en", "../")}


def in_both(pages, site):
    """(language, its page, the same page in the other language) of every page."""
    for path, page in pages.items():
        code = "zh" if path.parent.name == "zh" else "en"
        yield code, path, page, pages[site / OTHER[code][1].strip("./") / path.name]


def test_every_page_leads_to_itself_in_the_other_language_at_the_same_sections(site, pages):
    seen = 0
    for code, path, page, other in in_both(pages, site):
        assert f"{OTHER[code][1]}{path.name}" in page.links, path
        text = path.read_text("utf-8")
        assert f'lang="{"zh-CN" if code == "zh" else "en"}"' in text.split(">")[1]
        sections = [link for link in page.links if link.startswith("#")]
        assert sections == [link for link in other.links if link.startswith("#")]
        seen += len(sections)
    assert seen > 300


def test_around_the_chapters_no_english_is_left(site, pages):
    """In texts and labels, also those read aloud; the chapters themselves are another test's."""
    for code, path, page, other in in_both(pages, site):
        if code == "zh":
            text = re.sub(
                r"(?s)<article.*?</article>|<(script|style)\b.*?</\1>|<!--.*?-->", "", path.read_text("utf-8")
            )
            labels = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', text)
            words = re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]+>", " ", text) + " ".join(labels))
            assert set(words) <= {"LeNet", "English", "Furo"}, path


def test_the_search_finds_chinese_of_two_characters_and_of_more(site):
    index = (site / "zh" / "searchindex.js").read_text("utf-8")
    terms = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["terms"]
    assert len(terms["卷积"]) > 3 and "linear" in terms
    assert any("卷积核" in term for term in terms)  # the page itself looks for parts of three and more


@pytest.mark.skipif(not find_browser(), reason="no Chromium")
def test_a_change_of_language_stays_on_the_section(site):
    from playwright.sync_api import sync_playwright

    in_view = """() => { const box = document.getElementById("training-curves-intro").getBoundingClientRect();
        return 0 <= box.top && box.top < innerHeight / 3; }"""
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS).new_page()
        page.goto(f"{(site / '03-training.html').as_uri()}#training-curves-intro")
        for link, lang in (("中文", "zh-CN"), ("English", "en")):
            page.wait_for_function(in_view)  # the theme scrolls smoothly
            page.get_by_role("link", name=link, exact=True).click()
            page.wait_for_url("**/03-training.html#training-curves-intro")
            page.locator(f"html[lang={lang}]").wait_for()
        page.wait_for_function(in_view)


def test_nothing_is_left_beside_the_site(site):
    assert [path.name for path in site.parent.iterdir()] == ["html"]


# In a browser ----------------------------------------------------------------------------

SERIOUS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture
def page():
    path = find_browser()
    if not path:
        pytest.skip("no Chromium found")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def test_search_finds_a_word_and_pages_pass_axe(site, page):
    """Read from the disk, as a download would be: no server is needed for either."""
    page.goto((site / "index.html").as_uri())
    page.locator("input[name=q]").first.fill("equivariance")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a")
    found.first.wait_for()
    assert any("01-why-convolution" in link.get_attribute("href") for link in found.all())
    names = ("index", "search", "00-start-here", "06-lenet-from-nothing")
    assert not found_by_axe(page, [site / f"{name}.html" for name in names])


@pytest.mark.proof
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_axe(site, pages, page, scheme):
    page.emulate_media(color_scheme=scheme)
    assert not found_by_axe(page, pages)


def found_by_axe(page, paths):
    """Serious and critical findings: (page, rule) → places."""
    from axe_playwright_python.sync_playwright import Axe

    wrong = {}
    for path in paths:
        page.goto(path.as_uri())
        report = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": SERIOUS}).response
        wrong |= {
            (path.parent.name, path.stem, v["id"]): [node["html"][:150] for node in v["nodes"]][:3]
            for v in report["violations"]
            if v["impact"] in ("serious", "critical")
        }
    return wrong
