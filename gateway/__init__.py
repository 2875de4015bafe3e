"""Stagegate: Amazon API Gateway's deployment model, run by anyone."""

__version__ = "0.1.0"
