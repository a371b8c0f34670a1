"""What goes out: output lines, and what is derived from them."""
