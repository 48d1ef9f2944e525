"""What was found, when, and from which transcripts: SQLAlchemy schema, migrations and the one query API."""
