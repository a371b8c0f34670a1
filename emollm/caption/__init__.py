"""`emollm caption`: many photos and clips in, one explained line each out, never lost and never done twice.

command     arguments, checks at the door, and the run from listing to derived files
incoming/   inputs -> items: folders, globs, files, tables, OpenAI batch files
run/        job, scheduler, measuring, window, answering: what is measured, answered and written next; log, lines, shards,
            settings: what is finished; local: all of it on this machine
cluster/    the same scheduler on a Ray cluster
outgoing/   what is derived from finished lines: summary CSV, measurements, subtitles, HTML page
"""
