"""What the JavaScript says, in the language of the page: `gettext` and its like for static/js."""

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import override
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

_catalog = JavaScriptCatalog.as_view(domain="djangojs")


@cache_control(max_age=3600, private=True)
def words(request: HttpRequest, language: str) -> HttpResponseBase:
    """The language stands in the address, so that a change of it is not hidden by a cache."""
    with override(language if language.isascii() else None):
        return _catalog(request)
