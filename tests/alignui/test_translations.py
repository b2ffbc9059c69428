"""The catalogues under locale/: complete for annotators, compiled, and in step with the source.

Where one of these fails, `make messages` collects and compiles; the words are for a person to find.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import override, trans_real
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("de", "ar")
CATALOGUES = [(language, domain) for language in LANGUAGES for domain in ("django", "djangojs")]
# Leads' pages are collected too, so that they can be translated; nobody promises that they are.
# Nor are those of reviewers, who lead where judgments part.
LEADS = (
    "annotation/admin", "annotation/models/participation", "annotation/models/review",
    "annotation/selectors/agreement", "annotation/selectors/alerts",
    "annotation/selectors/batch_pages", "annotation/selectors/overview",
    "annotation/selectors/people_reports", "annotation/selectors/stuck",
    "annotation/services/disputes", "annotation/services/integrity_figures",
    "annotation/services/known_answers", "annotation/templatetags/", "annotation/web/agreement_",
    "annotation/web/audit_words", "annotation/web/judge_words", "annotation/web/known_answers",
    "annotation/web/lead", "annotation/web/measuring", "annotation/web/people_words",
    "annotation/web/pluralism_words",
    "annotation/web/quality_words", "annotation/web/review", "rewardmodel/", "alignui/",
    "static/js/review", "templates/components/sections", "templates/lead", "templates/review/",
    "templates/rewardmodel/",
)  # fmt: skip
PACKAGES = ("alignui", "annotation", "rewardmodel")
SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
COUNTED = {"ngettext", "ngettext_lazy"}
LITERAL = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(?P<name>_|gettext|ngettext)\(\s*{LITERAL}(?:\s*,\s*{LITERAL})?")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")

Message = tuple[str, str]


def catalogue(language: str, domain: str, kind: str = "po") -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.{kind}"


def is_for_annotators(entry: polib.POEntry) -> bool:
    return any(not path.startswith(LEADS) for path, _line in entry.occurrences)


def forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def calls_in(text: str) -> Iterator[Message]:
    for found in CALL.finditer(text):
        singular, plural = found.group(2), found.group(3)
        is_counted = found["name"] == "ngettext" and plural is not None
        yield ast.literal_eval(singular), ast.literal_eval(plural) if is_counted else ""


def messages_of_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        words = [part.value for part in node.args if isinstance(part, ast.Constant)]
        if node.func.id in SINGLE and words:
            yield words[0], ""
        elif node.func.id in COUNTED:
            yield words[0], words[1]


def messages_in_source(domain: str) -> set[Message]:
    if domain == "djangojs":
        scripts = (ROOT / "static" / "js").rglob("*.js")
        return {message for path in scripts for message in calls_in(path.read_text())}
    templates = (ROOT / "templates").rglob("*.html")
    found = {m for path in templates for m in calls_in(templatize(path.read_text()))}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            found |= set(messages_of_python(path))
    return found


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_all_that_annotators_read_is_translated(language: str, domain: str) -> None:
    entries = [
        entry for entry in polib.pofile(catalogue(language, domain)) if is_for_annotators(entry)
    ]
    assert len(entries) > 50
    assert [entry.msgid for entry in entries if not all(forms(entry))] == []
    assert [entry.msgid for entry in entries if entry.fuzzy] == []


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_a_translation_fills_in_what_its_source_fills_in(language: str, domain: str) -> None:
    """A form that fits one number only may say it in words: "one comparison"."""
    catalog = polib.pofile(catalogue(language, domain))
    rule = trans_real.translation(language).plural
    numbers: dict[int, int] = {}
    for n in range(200):
        numbers[rule(n)] = numbers.get(rule(n), 0) + 1
    for entry in catalog:
        if not any(forms(entry)):
            continue
        wanted = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        for form, words in enumerate(forms(entry)):
            given = sorted(PLACEHOLDER.findall(words))
            if entry.msgid_plural and numbers[form] == 1:
                assert set(given) <= set(wanted), entry.msgid
                assert len(wanted) - len(given) <= 1, entry.msgid
            else:
                assert given == wanted, entry.msgid


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_the_plural_forms_are_those_of_the_language(language: str, domain: str) -> None:
    catalog = polib.pofile(catalogue(language, domain))
    count = {"de": 2, "ar": 6}[language]
    assert catalog.metadata["Plural-Forms"].startswith(f"nplurals={count};")
    counted = [entry for entry in catalog.translated_entries() if entry.msgid_plural]
    assert {len(entry.msgstr_plural) for entry in counted} == {count}


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_what_is_compiled_is_what_is_written(language: str, domain: str) -> None:
    written = polib.pofile(catalogue(language, domain)).translated_entries()
    compiled = polib.mofile(catalogue(language, domain, "mo"))
    assert {entry.msgid: forms(entry) for entry in written} == {
        entry.msgid: forms(entry) for entry in compiled
    }


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_the_catalogue_knows_every_message_of_the_source(language: str, domain: str) -> None:
    known = {
        (entry.msgid, entry.msgid_plural) for entry in polib.pofile(catalogue(language, domain))
    }
    found = messages_in_source(domain)
    assert len(found) > 50
    singular = {msgid for msgid, _plural in known}
    missing = {
        (msgid, plural)
        for msgid, plural in found
        if (msgid, plural) not in known and (plural or msgid not in singular)
    }
    assert missing == set()


def test_every_language_that_is_offered_is_there() -> None:
    assert [code for code, _name in settings.LANGUAGES] == ["en", *LANGUAGES]
    for language in LANGUAGES:
        with override(language):
            assert trans_real.gettext("Which response is better?") != "Which response is better?"


def test_numbers_of_a_form_keep_the_point_that_browsers_read() -> None:
    field = {"name": "heat", "label": "Heat", "type": "number", "value": 0.7, "step": 0.05}
    with override("de"):
        html = render_to_string("components/field.html", field)
    assert 'value="0.7"' in html
    assert 'step="0.05"' in html
