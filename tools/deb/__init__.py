"""`make deb`: a Debian package of Busway with all that it needs: its own Python environment, units, man pages, completion.

Entry point: `python -m tools.deb`, run by the Python of `.venv`. The files beside code are in `packaging/debian`.
"""
