PY := .venv/bin/python
UV := $(shell command -v uv || echo .uv/bin/uv)

.PHONY: setup demo serve test lock lint clean

setup: .venv/.ready

# uv resolves what pip cannot (mediapipe's pins); it is installed here when the machine has none.
.uv/bin/uv:
	python3 -m venv .uv && .uv/bin/pip install -q uv

.venv/.ready: requirements/dev.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	test -x $(PY) || $(UV) venv -q --python python3 .venv
	$(UV) pip sync -q --compile-bytecode --python $(PY) --require-hashes requirements/dev.lock
	$(UV) pip install -q --python $(PY) --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(PY) -m emollm.demo

serve: setup
	$(PY) -m emollm serve

test: setup lint
	$(PY) -m pytest -n 2 --dist loadfile

lint: setup
	$(PY) -m ruff check .

lock:
	uv pip compile -q pyproject.toml --extra faces --extra train --extra serve-cpu --extra ray --extra formats --extra talker --extra dev --override requirements/overrides.txt \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/dev.lock

clean:
	rm -rf .venv .uv demo
