"""The stations of one request, each a plain function in its own file; `serve` has their order."""

from gateway.pipeline.service import Service, TimedService

__all__ = ["Service", "TimedService"]
