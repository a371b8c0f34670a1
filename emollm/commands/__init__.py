"""The commands of `emollm`, one file each: `add` puts a command and its options on the parser, `run` does it and gives the exit
code. What they share: options (how a command is added, options that several take), results (where what they make goes)."""
