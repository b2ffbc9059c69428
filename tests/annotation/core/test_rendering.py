import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.styles import get_style_by_name

from annotation.core.rendering import LONGEST_FORMATTED, pygments_css, render_markdown


class Elements(HTMLParser):
    """What a browser would build: every tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


DANGEROUS_TAGS = {"script", "style", "iframe", "object", "embed", "img", "svg", "form", "input"}
DANGEROUS_TAGS |= {"base", "link", "meta", "video", "audio", "annotation-xml", "foreignobject"}


def assert_harmless(html: str) -> None:
    for tag, attributes in Elements(html).tags:
        assert tag not in DANGEROUS_TAGS
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"style", "src", "srcset", "id", "xlink:href", "formaction"}
            if name == "href":
                assert tag == "a"
                assert re.match(r"(https?:|mailto:)", value or "", re.IGNORECASE)
    for tag, attributes in Elements(html).tags:
        if tag == "a":
            assert attributes["target"] == "_blank"
            assert attributes["rel"] == "noopener noreferrer nofollow"


ATTACKS = [
    "<script>alert(1)</script>",
    "<svg onload=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "<iframe src='//evil.example'></iframe>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](//evil.example)",
    "[x](/admin/logout)",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "<javascript:alert(1)>",
    '[x](https://ok.example "onmouseover=alert(1)")',
    '![x](https://ok.example/a.png" onerror="alert(1))',
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[![x](javascript:alert(1))](javascript:alert(1))",
    '```"><script>alert(1)</script>\ncode\n```',
    '```python" onclick="alert(1)\ncode\n```',
    "```html\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{&lt;img src=x onerror=alert(1)&gt;}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$$\\style{position:fixed}{x}$$",
    "\\(\\class{admin}{x}\\)",
    "\\[\\unicode{x3c}script>\\]",
    "$<img src=x onerror=alert(1)>$",
    "$\\frac{<svg onload=alert(1)>}$",
    "|<script>|\n|-|\n|<img src=x onerror=alert(1)>|",
    "<!-- --><script>alert(1)</script>",
    "<<script>script>alert(1)<</script>/script>",
    "<div\n\nonmouseover=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<style>@import '//evil.example'</style>",
    "<base href='//evil.example'>",
    "\ud800<script>\x00alert(1)",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_becomes_text(attack: str) -> None:
    assert_harmless(render_markdown(attack))
    assert_harmless(render_markdown(f"> - **{attack}**"))


FRAGMENTS = [
    *ATTACKS,
    "<",
    ">",
    "](",
    "[",
    "`",
    "```\n",
    "$",
    "$$",
    "\\[",
    "\\]",
    "|",
    "\n",
    "\n\n",
]
FRAGMENTS += ["> ", "- ", "**", "~~", "&", ";", '"', "'", "=", "{", "}", "\\text{", "#", " ", "a"]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25))
def test_no_mixture_of_attacks_is_harmful(fragments: list[str]) -> None:
    assert_harmless(render_markdown("".join(fragments)))


def test_raw_html_is_shown_as_the_text_it_is() -> None:
    html = render_markdown("Use <b>bold</b> & <script>alert(1)</script>.")
    assert Elements(html).text.strip() == "Use <b>bold</b> & <script>alert(1)</script>."
    assert [tag for tag, _ in Elements(html).tags] == ["p"]


def test_markdown() -> None:
    html = render_markdown("# One\n\n**b** *i* ~~s~~ `c`\nnext\n\n1. x\n\n|a|b|\n|:-|-:|\n|1|2|")
    assert '<h3 dir="auto">One</h3>' in html
    assert "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code><br>\nnext" in html
    assert '<ol dir="auto">' in html
    assert '<td class="align-left">1</td>\n<td class="align-right">2</td>' in html


def test_headings_stay_below_those_of_the_page() -> None:
    html = render_markdown("\n".join("#" * level + " x" for level in range(1, 7)))
    assert re.findall(r"<(h\d)", html) == ["h3", "h4", "h5", "h6", "h6", "h6"]


@pytest.mark.parametrize(
    ("levels", "shown"),
    [("2 3 2", "3 4 3"), ("3 1", "3 3"), ("2 4 4", "3 4 4"), ("6", "3"), ("1 3 2", "3 4 4")],
)
def test_headings_never_skip_a_level(levels: str, shown: str) -> None:
    html = render_markdown("\n\n".join("#" * int(level) + " x" for level in levels.split()))
    assert " ".join(re.findall(r"<h(\d)", html)) == shown


def test_links_leave_without_a_trace() -> None:
    (_, (tag, attributes)) = Elements(render_markdown("[x](https://a.example/?q=1&r=2)")).tags
    assert tag == "a"
    assert attributes == {
        "href": "https://a.example/?q=1&r=2",
        "target": "_blank",
        "rel": "noopener noreferrer nofollow",
    }
    assert "mailto:a@b.example" in render_markdown("<a@b.example>")


def test_images_are_linked_and_never_loaded() -> None:
    html = render_markdown("![a *red* cat](https://a.example/cat.png)")
    assert '<a href="https://a.example/cat.png"' in html
    assert "[image: a red cat]" in html
    assert "[image: no description]" in render_markdown("![](https://a.example/1.png)")
    nested = render_markdown("[![cat](https://a.example/i.png)](https://b.example)")
    assert nested.count("<a ") == 1
    assert 'href="https://b.example"' in nested


def test_code_is_highlighted_by_classes() -> None:
    html = render_markdown('```python\ndef f(x):\n    return "<b>"\n```')
    assert html.startswith('<pre class="highlight" dir="ltr" tabindex="0"><code>')
    assert '<span class="k">def</span>' in html
    assert "&lt;b&gt;" in html
    assert "style=" not in html
    plain = render_markdown("```brainfuck\n+[<]\n```")
    assert "<span" not in plain
    assert "+[&lt;]" in plain
    assert "<pre" in render_markdown("    indented <i>")


def test_code_keeps_its_white_space() -> None:
    code = "\n\n  x = 1\n\ty = 2\n\n"
    assert Elements(render_markdown(f"```python\n{code}```")).text.rstrip("\n") == code.rstrip("\n")


@pytest.mark.parametrize(
    ("source", "display"),
    [("$x^2$", "inline"), ("\\(x^2\\)", "inline"), ("$$x^2$$", "block"), ("\\[x^2\\]", "block")],
)
def test_formulas_become_mathml(source: str, display: str) -> None:
    html = render_markdown(f"Say {source} now")
    assert f'<math display="{display}" alttext="x^2">' in html
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html


@pytest.mark.parametrize(("opener", "closer"), [("$$", "$$"), ("\\[", "\\]")])
def test_a_displayed_formula_over_lines_is_not_a_list(opener: str, closer: str) -> None:
    html = render_markdown(f"Thus\n{opener}\na\n+ b\n- c\n{closer}\nand")
    assert '<div class="formula" dir="ltr"><math display="block"' in html
    assert "<li>" not in html
    assert html.count("<p") == 2
    quoted = render_markdown(f"> {opener}\n> x < y\n> {closer}")
    assert "<mo>&lt;</mo>" in quoted


@pytest.mark.parametrize(
    "text",
    ["It costs $5 and $6.", "$5-$10", "a $ b $ c", "\\$x$", "$$", "\\[ open", "$a\n\nb$", "`$x$`"],
)
def test_money_and_open_ends_are_no_formulas(text: str) -> None:
    assert "<math" not in render_markdown(text)


def test_a_formula_that_cannot_be_read_is_shown_as_written() -> None:
    assert '<code dir="ltr">x &lt; \\frac{</code>' in render_markdown("$x < \\frac{$")
    assert "{{{{" in render_markdown("$" + "{" * 1500 + "$")


def test_right_to_left_text_decides_by_itself() -> None:
    html = render_markdown("שלום world\n\n- مرحبا\n\n> x\n\n|أ|\n|-|\n|1|")
    assert re.findall(r"<(\w+) dir=\"auto\"", html) == ["p", "ul", "blockquote", "table"]


def test_a_megabyte_is_shown_as_it_is_at_once() -> None:
    start = time.process_time()
    html = render_markdown("<script>[" * 120_000)
    assert time.process_time() - start < 1
    assert html.startswith('<pre class="plain" dir="auto">&lt;script&gt;[')
    assert_harmless(html)


PATHOLOGICAL = {
    "brackets": "[",
    "open links": "[a](",
    "emphasis": "*a_ ",
    "quotes": "> ",
    "lists": "- ",
    "images": "![",
    "dollars": "$a ",
    "displayed": "$$\n",
    "parentheses": "\\(",
    "open formulas": "\\[\n",
    "formulas": "$x$ ",
    "fences": "```python\nx\n```\n",
    "tables": "|a|b|\n|-|-|\n",
    "linked images": "[![a](b)](c) ",
    "lines": "a\n",
    "references": "&amp;&#x41;",
    "code": "`a``",
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_time_grows_with_length_and_no_faster(name: str) -> None:
    def seconds(length: int) -> float:
        unit = PATHOLOGICAL[name]
        start = time.process_time()
        assert_harmless(render_markdown(unit * (length // len(unit))))
        return time.process_time() - start

    seconds(1000)
    # The garbage collector may strike once, so the quicker of two tries counts.
    short, long = (min(seconds(length) for _ in range(2)) for length in (2_000, 16_000))
    assert long < 8 * 4 * max(short, 0.005)


def test_the_longest_formatted_text_takes_seconds() -> None:
    start = time.process_time()
    render_markdown(("![" * LONGEST_FORMATTED)[:LONGEST_FORMATTED])
    assert time.process_time() - start < 20


def test_deep_nesting_is_cut_and_not_followed() -> None:
    assert_harmless(render_markdown("> " * 5000 + "x"))
    assert_harmless(render_markdown("[" * 5000 + "x" + "](http://a.b)" * 5000))
    assert_harmless(render_markdown("$" + "\\sqrt{" * 300 + "}" * 300 + "$"))


@settings(max_examples=100)
@given(st.text(max_size=400))
def test_any_text_renders_and_is_harmless(text: str) -> None:
    assert_harmless(render_markdown(text))


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (
            p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_stylesheet_is_readable_in_light_and_dark() -> None:
    css = pygments_css()
    rules = re.findall(r"^(.*?)\.highlight (\.\w+) \{(.*)\}$", css, re.MULTILINE)
    for before, name, body in rules:
        for colour in re.findall(r"color: #([0-9A-Fa-f]{6})\b", body):
            paper = "1c1c1c" if before.strip() else "f6f6f4"
            assert contrast(colour, paper) >= 4.5, name
    assert {before.strip() for before, _, _ in rules} == {
        "",
        ':root:not([data-theme="light"])',
        ':root[data-theme="dark"]',
    }
    assert css.count("@media (prefers-color-scheme: dark)") == 1
    assert "background" not in css
    assert get_style_by_name("xcode").background_color == "#ffffff"
