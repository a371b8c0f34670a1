"""What the measurement, the reading, FACS and the policy have to say to each call."""
