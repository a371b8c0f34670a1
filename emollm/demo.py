"""`make demo`: explain a real photograph and leave text, JSON and an annotated picture in demo/.

The photograph is scikit-image's bundled picture of an astronaut, in the public domain (NASA).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from emollm import progress
from emollm.explanation import as_text, print_text
from emollm.files import write_file
from emollm.output import render
from emollm.schema import InputError

FOLDER = Path("demo")


def main(folder: Path = FOLDER) -> int:
    """Write astronaut.png, explanation.txt, explanation.json and annotated.png; print the explanation last."""
    try:
        from skimage.data import astronaut
    except ImportError:
        print("emollm: the demo needs scikit-image for its photograph: pip install scikit-image", file=sys.stderr)
        return 2
    from PIL import Image

    progress.use("auto")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        photo = folder / "astronaut.png"
        render.save(Image.fromarray(astronaut()), photo)
        progress.note(f"explaining {photo} ...")
        from emollm.explainer import explain

        explanations = explain(photo)
        text = "\n\n".join(as_text(explanation) for explanation in explanations) + "\n"
        write_file(folder / "explanation.txt", text)
        stored = [explanation.to_dict() for explanation in explanations]
        write_file(folder / "explanation.json", json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
        picture = render.frame_at(photo, render.key_time(explanations[0]))
        render.save(render.annotate(picture, explanations[0]), folder / "annotated.png")
    except InputError as error:
        print(f"emollm: {error}", file=sys.stderr)
        return error.exit_code
    print_text(text)
    print(f"\nwritten: {', '.join(str(folder / name) for name in ('annotated.png', 'explanation.txt'))}, "
          f"{folder / 'explanation.json'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
