"""The form of every log line: one JSON object, or for people a coloured line. Of ours, Django's, uvicorn's, gunicorn's.

It imports nothing of ours: the settings are made with it.
"""

import structlog

SHARED_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
"""What every line gets, whoever writes it."""


def structured_formatter(form: str) -> structlog.stdlib.ProcessorFormatter:
    """For a handler of the standard library's; `form` is `json` or `console`."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED_PROCESSORS,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if form == "console" else structlog.processors.JSONRenderer(),
        ],
    )
