"""What a WSGI server loads."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignui.settings")
application = get_wsgi_application()
# Makes our broker the one to which pages send work.
import_module("alignui.celery")
