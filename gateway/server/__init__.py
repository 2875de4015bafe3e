"""Sockets: connections of clients and to backends. Bytes are checked here, and nowhere else."""
