"""A conversation about one face: `conversation` answered here, `server` elsewhere, `terminal` for people, `begin` to choose."""
