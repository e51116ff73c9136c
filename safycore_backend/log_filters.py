"""What log lines of others must not say."""

import logging


class RouteForPath(logging.Filter):
    """Django tells the path of a request that failed; an id in it is a client's own words, so here it is the route."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            path = request.path.encode("unicode_escape").decode("ascii")
            match = request.resolver_match
            route = match.route if match else "an address that leads nowhere"
            record.args = tuple(route if each in {path, request.path} else each for each in record.args)
        return True
