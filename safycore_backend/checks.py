"""What `manage.py check --deploy` asks beyond Django, whose questions about TLS need its own middleware to be there."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  # Django's name


@register(Tags.security, deploy=True)
def check_tls(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """People's words and tokens travel encrypted: plain HTTP is redirected, and browsers are told to stay."""
    if settings.SECURE_SSL_REDIRECT and settings.SECURE_HSTS_SECONDS:
        return []
    return [Warning("SITE_URL is not https://, or DEBUG is on: plain HTTP is served.", id="safycore.W001")]


@register(Tags.security, deploy=True)
def check_middleware(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """The redirect to HTTPS comes before anything that answers."""
    wanted = [f"safycore_backend.middleware.{name}" for name in ("RequestIdMiddleware", "AsyncSecurityMiddleware")]
    if settings.MIDDLEWARE[: len(wanted)] == wanted:
        return []
    return [Warning("The first middleware must be RequestId and AsyncSecurity.", id="safycore.W002")]
