"""Builds the same gateway with its hot path compiled by mypyc: `python -m compiled`.

`modules.txt` is what is compiled, `listing` the rules it must keep, `verify` what is looked at in
the finished build. docs/compiled.md is the user's page. The gateway itself imports nothing of this.
"""
