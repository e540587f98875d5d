"""Serves the total of an order: POST /total, GET /health."""

import json
from wsgiref.simple_server import make_server

from orders.cart import total


def app(environ, start_response):
    """The WSGI application."""
    where = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
    if where == ("GET", "/health"):
        return _answer(start_response, "200 OK", {"status": "ok"})
    if where != ("POST", "/total"):
        return _answer(start_response, "404 Not Found", {"error": "there is POST /total and GET /health"})
    try:
        order = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        amount = total([tuple(line) for line in order["lines"]], order.get("discount", 0))
    except (ValueError, TypeError, KeyError) as error:
        return _answer(start_response, "400 Bad Request", {"error": str(error)})
    return _answer(start_response, "200 OK", {"total": amount})


def _answer(start_response, status, body):
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", 8000, app).serve_forever()
