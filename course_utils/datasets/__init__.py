"""Data: `toyland` renders it, `photos` borrows it from installed libraries, `real` reads the published sets."""
