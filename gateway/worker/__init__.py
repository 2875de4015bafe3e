"""A data worker: compiles the release it is handed, and serves it."""
