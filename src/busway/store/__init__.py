"""The SQL database: tables, queries and transactions; the only package that knows SQLAlchemy."""
