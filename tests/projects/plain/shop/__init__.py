"""A shop that knows nothing of who runs it."""

from flask import Flask

from shop import jobs, prices


def create_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return f"tea costs {prices.TEA}"

    @app.post("/orders")
    def order():
        jobs.pack.delay("tea")
        return "ordered", 202

    return app
