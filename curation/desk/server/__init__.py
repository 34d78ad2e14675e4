"""The server side: an environment of its own, a launcher, users, backups."""
