"""What a body of OpenAI's form may say, as the server and a batch take it alike."""

ROLES = ("system", "developer", "user", "assistant", "tool")
# Left out of what the model is given: it was trained without them, and "You are a helpful assistant." changed what it said
# of a face.
INSTRUCTIONS = ("system", "developer")
TOOLS = ("tools", "functions")
CHOICES = ("face", "au", "what_if", "prior")  # of mm_processor_kwargs: about each picture and clip, in their order
MOST_MEDIA = {"image": 4, "video": 1}  # of one conversation, as the server answers it
