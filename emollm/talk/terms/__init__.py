"""What is talked about, and in which words: calls, faces, findings, stretches of a clip, names of what is not measured."""
