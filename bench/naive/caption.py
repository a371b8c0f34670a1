"""The obvious way to caption clips: one after another with the library's public function.

    python bench/naive/caption.py CLIP [CLIP ...]

One JSON line a clip on stdout: its path, the seconds it took, and its explanations.
"""

import json
import sys
import time

import emollm

for path in sys.argv[1:]:
    start = time.perf_counter()
    found = [explanation.to_dict() for explanation in emollm.explain(path)]
    print(json.dumps({"path": path, "seconds": time.perf_counter() - start, "explanations": found}), flush=True)
