"""What clients made, kept in SQLite: AWS's nouns as tables. No sockets, no event loop."""
