"""The demo's sample: made-up marketing e-mails with planted faults, and the seeded generator that made them.

Shares no code with the detectors: nothing here imports the curation package, and nothing there imports this.
"""
