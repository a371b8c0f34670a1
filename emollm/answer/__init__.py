"""From what was measured to what is said about it: what the movements are read as, and what speaks for and against it."""
