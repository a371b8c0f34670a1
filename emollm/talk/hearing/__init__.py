"""What a question asks for: the call that the language model wrote, held to the question's own words."""
