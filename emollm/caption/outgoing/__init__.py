"""What goes out: files that are derived from the finished lines."""
