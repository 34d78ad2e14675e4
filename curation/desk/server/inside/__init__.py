"""Runs inside the server's own environment: imports nothing of the project, whose libraries are not there."""
