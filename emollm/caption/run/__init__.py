"""The run: hash, measure, answer, append to the log, resume."""
