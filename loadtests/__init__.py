"""Loads and backends to try the gateway with."""
