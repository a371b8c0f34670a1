"""`python -m emollm` is the command `emollm`."""

import sys

from emollm.cli import main

sys.exit(main())
