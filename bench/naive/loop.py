"""The obvious way to caption clips: one after another with the library's public function.

    python bench/naive/caption.py CLIP [CLIP ...]

One JSON line a clip on stdout: its path, the seconds it took, and its explanations.
"""

import argparse
import json
import time

import emollm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    for path in parser.parse_args().clips:
        start = time.perf_counter()
        found = [explanation.to_dict() for explanation in emollm.explain(path)]
        print(json.dumps({"path": path, "seconds": time.perf_counter() - start, "explanations": found}), flush=True)


if __name__ == "__main__":
    main()
