"""The labelling desk: people look at records in Argilla, and what they say comes back as verdicts.

`python -m curation.desk VERB` starts a server (`server/`), and talks to it or to any other Argilla server by REST.
"""
