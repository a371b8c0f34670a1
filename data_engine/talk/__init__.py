"""Training data of the talker: questions with their calls, and conversations about real and drawn faces."""
