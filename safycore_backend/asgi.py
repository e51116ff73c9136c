"""The ASGI application: Django, what is refused before Django sees it, the headers of every answer, and what lives
as long as the process.
"""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

from safycore_backend.handler import django_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
try:
    answering = django_application()
except ImproperlyConfigured as exc:
    sys.exit(str(exc))

# Django must be set up before these are read.
from safycore_backend.body_limit import BodyLimit
from safycore_backend.early_refusal import EarlyRefusal
from safycore_backend.headers import AnswerHeaders
from safycore_backend.lifespan import Lifespan
from safycore_backend.observed import Observed
from safycore_backend.static_files import StaticFiles

application = Lifespan(Observed(AnswerHeaders(EarlyRefusal(BodyLimit(StaticFiles(answering))))))
