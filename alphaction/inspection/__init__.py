"""Looking at a dataset before training on it: a report of checks, and pictures."""
