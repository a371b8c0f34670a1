"""Training the model, stage by stage, and shipping it."""
