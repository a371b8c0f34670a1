"""An answer: text to claims to verdicts."""
