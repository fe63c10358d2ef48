"""One tenant in one file: everything in its database, its settings and its members (`docs/backup.md`)."""
