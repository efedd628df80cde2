"""A backup of a control plane: one tar archive with the database, its keys and certificates, and, if wanted, the images.

Entry points: `write` (`back_up`), `restore` (`restore`), and `migrate` (`migrate_database`), which moves SQLite into
PostgreSQL. What an archive holds is said in `manifest`. An agent's folder, with the guests' disks, is not part of it.
"""
