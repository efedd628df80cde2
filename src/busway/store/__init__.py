"""The SQL database: tables with their queries, transactions (`database`), and schema revisions (`schema`, `migrations`).

Each module has the tables of one kind of object and the functions that read and write them; each function takes a
transaction `Tx`.
"""
