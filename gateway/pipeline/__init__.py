"""The stations of one request, each a plain function in a file of its own; `serve` is the order."""

from gateway.pipeline.serve import serve
from gateway.pipeline.service import Service

__all__ = ["Service", "serve"]
