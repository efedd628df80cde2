from busway.lab.fixtures import *  # noqa: F403
