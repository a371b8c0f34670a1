"""`emollm caption`: many photos and clips in, one explained line each out, never lost and never done twice.

command     arguments, checks at the door, and the run from listing to derived files
sources     inputs -> items: folders, globs, files; `manifest` reads tables, `requests` OpenAI batch files
settings    what must be equal for two runs to go on with one another, and the key of an item
lines       one output line: OpenAI batch form, with its key and a checksum
log         the output file as write-ahead log
pipeline    hash -> measure (worker processes) -> batches of similar length -> answer -> append
cluster     the same on Ray (with `actors`, `crew`, `shards`)
meter       progress on stderr
outputs     what is derived from the finished lines: `summary` CSV, `subtitles`, `page` (HTML, with `thumbs`)
"""
