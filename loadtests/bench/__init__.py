"""The bench, `python -m loadtests.bench`: our gateway beside nginx, HAProxy, Caddy, a naive proxy.

Compares costs within a round on one machine; absolute seconds of one machine say nothing elsewhere.
"""
