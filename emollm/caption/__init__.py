"""`emollm caption`: many photos and clips in, one explained line each out, never lost and never done twice.

command     arguments, checks at the door, and the run from listing to derived files
settings    what must be equal for two runs to go on with one another, and the key of an item
incoming/   inputs -> items: folders, globs, files, tables, OpenAI batch files
run/        hash -> measure (worker processes) -> batches of similar length -> answer -> append to the log
ray/        the same on a Ray cluster
outgoing/   output lines, and what is derived from them: summary CSV, subtitles, HTML page
"""
