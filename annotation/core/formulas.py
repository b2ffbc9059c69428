r"""LaTeX in Markdown: ``$..$``, ``$$..$$``, ``\(..\)`` and ``\[..\]`` become MathML.

Each search for a closing mark looks at most `LONGEST` characters ahead, so reading stays linear in
the text whatever a model writes.
"""

from collections.abc import Sequence
from html import escape, unescape
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from annotation.core.invisible import names_of_invisible

LONGEST = 2_000
MOST_FORMULAS = 500
DEEPEST = 40
DISPLAYED = {"$$": "$$", "\\[": "\\]"}
INLINE = {**DISPLAYED, "\\(": "\\)"}
FOREIGN_ATTRIBUTES = ("href", "style", "class", "id", "voffset", "lspace")


def formulas_plugin(md: MarkdownIt) -> None:
    """Teach a Markdown reader to read formulas and to write them as MathML."""
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    md.block.ruler.before("fence", "formula_block", _read_block, interrupts)
    md.inline.ruler.before("escape", "formula", _read_inline)
    md.add_render_rule("formula_block", _write)
    md.add_render_rule("formula", _write)


def mathml(source: str, *, is_displayed: bool = False) -> str | None:
    """The formula as a MathML element whose `alttext` is its source; None if it cannot be read."""
    display = "block" if is_displayed else "inline"
    try:
        root = convert_to_element(source, display=display)
        for element in root.iter():
            # The converter leaves character references in its text, for a later unescaping, and
            # takes attributes from commands such as \href. The first are resolved here, before
            # the text is escaped for good; the second, and what could shift a formula over other
            # text, are dropped.
            element.text = unescape(element.text or "")
            for name in FOREIGN_ATTRIBUTES:
                element.attrib.pop(name, None)
        if _depth(root) > DEEPEST:  # laying it out would take browsers seconds
            return None
        root.set("alttext", source)
        return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    except Exception:  # noqa: BLE001 - a malformed formula can make the converter raise anything
        return None


def _depth(root: ElementTree.Element) -> int:
    depth, level = 0, [root]
    while level:
        depth, level = depth + 1, [child for element in level for child in element]
    return depth


def _read_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula that begins a line and ends one, over any number of lines that are not blank."""
    if state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    closer = DISPLAYED.get(state.src[begin : begin + 2])
    close = -1 if closer is None else _find(state.src, closer, begin + 2)
    last = start
    while close >= 0 and last < end and state.eMarks[last] <= close:
        last += 1
    if close < 0 or last >= end or state.src[close + 2 : state.eMarks[last]].strip():
        return False
    lines = [state.src[state.bMarks[k] : state.eMarks[k]].strip() for k in range(start, last + 1)]
    if not all(lines):
        return False
    if not silent:
        token = state.push("formula_block", "math", 0)
        token.content = "\n".join(lines)[2:-2].strip()
        token.block = True
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _read_inline(state: StateInline, silent: bool) -> bool:
    opener = state.src[state.pos : state.pos + 2]
    if opener in INLINE:
        content_start = state.pos + 2
        content_end = _find(state.src, INLINE[opener], content_start)
        after = content_end + 2
    elif opener[:1] == "$":
        content_start = state.pos + 1
        content_end = _dollar_end(state.src, content_start)
        after = content_end + 1
    else:
        return False
    if content_end < 0 or not state.src[content_start:content_end].strip():
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = state.src[content_start:content_end].strip()
        token.info = "displayed" if opener in DISPLAYED else ""
    state.pos = after
    return True


def _find(text: str, mark: str, start: int) -> int:
    """Where the mark comes next, unless a backslash takes its meaning; -1 if it is not near."""
    found = text.find(mark, start, start + LONGEST)
    while found > 0 and text[found - 1] == "\\":
        found = text.find(mark, found + 1, start + LONGEST)
    return found


def _dollar_end(text: str, start: int) -> int:
    """Where a single-dollar formula ends; -1 for sums of money ("$5 and $6") and for no end."""
    if text[start : start + 1].isspace():
        return -1
    end = _find(text, "$", start)
    if end <= start or text[end - 1].isspace() or text[end + 1 : end + 2].isdigit():
        return -1
    return end


def _write(
    _: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    source = names_of_invisible(token.content)
    env["formulas"] = env.get("formulas", 0) + 1
    is_block = token.type == "formula_block"
    is_displayed = is_block or token.info == "displayed"
    written = None
    if env["formulas"] <= MOST_FORMULAS:
        written = mathml(source, is_displayed=is_displayed)
    if written is None:
        written = f'<code dir="ltr">{escape(source)}</code>'
    return f'<div class="formula" dir="ltr">{written}</div>\n' if is_block else written
