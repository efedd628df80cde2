"""`python -m busway`: the command, for where the script is not on the path."""

from busway.cli.main import main

main()
