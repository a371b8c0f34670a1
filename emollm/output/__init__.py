"""What leaves emollm: pictures and figures, annotators' files, tables of other tools, agreement with other coders."""
