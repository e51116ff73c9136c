"""gunicorn's own lines in the form of all the others; its configuration names the class as `logger_class`.

Its workers hand the same handlers to uvicorn, whose lines then have that form, too.
"""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger

from safycore_backend.log_format import structured_formatter


class StructuredLogger(Logger):  # type: ignore[misc]  # the library has no types
    """A setting that is missing or malformed ends the master with its sentence, before any worker is started."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        formatter = structured_formatter(_form())
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(formatter)


def _form() -> str:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
    try:
        form: str = settings.LOG_FORMAT
    except ImproperlyConfigured as exc:
        sys.exit(str(exc))
    return form
