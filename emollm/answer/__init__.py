"""Text to claims to verdicts: what is asked, how an answer is written and read back, and whether it is borne out."""
