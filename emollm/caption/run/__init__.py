"""The run: one scheduler, the executor of this machine, and the log of what is finished."""
