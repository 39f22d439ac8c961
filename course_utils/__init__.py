"""What the notebooks share. Importing this package imports nothing else: each module is asked for by name."""

__version__ = "0.1.0"
