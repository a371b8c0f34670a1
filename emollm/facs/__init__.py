"""What is known of action units and of what they are commonly read as, each fact with its source."""
