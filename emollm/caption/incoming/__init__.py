"""What comes in: folders, globs, tables and OpenAI batch files to items."""
