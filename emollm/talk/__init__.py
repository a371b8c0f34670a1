"""Talking about a face: a question becomes a call, the call is looked up in the measurement, the model words what it found."""

TALKER = "talker"  # the shipped one
