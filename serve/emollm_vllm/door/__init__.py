"""In front of every route: limits, keys, admission, error bodies that name the place."""
