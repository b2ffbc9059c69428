"""What the shell of every page needs."""

from django.http import HttpRequest

import alignui


def shell(request: HttpRequest) -> dict[str, object]:
    return {"version": alignui.__version__, "theme": request.COOKIES.get("theme", "auto")}
