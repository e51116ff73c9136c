from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from chat.export_view import ExportView
from chat.views import ModelsView
from safycore_backend.health import healthz, readyz
from safycore_backend.metrics_view import metrics
from safycore_backend.openapi import ReferenceView

handler400 = "safycore_backend.errors.bad_request"
handler404 = "safycore_backend.errors.not_found"
handler500 = "safycore_backend.errors.server_error"

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    # An address of the account, and all that is in the chat: `users` does not import `chat`.
    path("api/auth/export/", ExportView.as_view()),
    path("api/auth/", include("users.urls")),
    path("api/chat/", include("chat.urls")),
    path("api/models/", ModelsView.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", ReferenceView.as_view()),
]
