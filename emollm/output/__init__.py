"""What leaves emollm: pictures and figures, annotators' files, tables for other tools, and agreement with other coders."""
