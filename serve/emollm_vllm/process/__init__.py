"""`emollm serve` as a process: command line, supervision, the child that is vLLM."""
