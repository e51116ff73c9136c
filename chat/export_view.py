"""/api/auth/export/."""

import datetime as dt

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from chat import reference
from chat.export import export
from safycore_backend.api import AsyncAPIView
from safycore_backend.media import JSONLinesRenderer, JSONRenderer
from users.authentication import person_of
from users.limits import per_person


class ExportView(AsyncAPIView):
    renderer_classes = [JSONLinesRenderer, JSONRenderer]
    asks_for_session = True
    limits = (per_person("LIMIT_EXPORT_PER_PERSON"),)
    limits_count_errors = False

    @reference.export
    async def get(self, request: Request) -> StreamingHttpResponse:
        """Everything you have, one JSON object a line. A file that does not end with a line of type `end` is cut."""
        today = dt.datetime.now(dt.UTC).date().isoformat()
        return StreamingHttpResponse(
            await export(person_of(request)),
            content_type=JSONLinesRenderer.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="safycore-export-{today}.jsonl"',
                "X-Accel-Buffering": "no",
            },
        )
