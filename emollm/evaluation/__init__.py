"""How good a model is: suites of `emollm eval`."""
