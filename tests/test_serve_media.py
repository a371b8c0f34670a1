"""Measuring for requests that share a measurement, and for requests that leave."""

import asyncio

import pytest

pytest.importorskip("vllm")
from emollm_vllm.plugin import media
from serve_fixtures import data_url, encoded


@pytest.fixture
def measurements(monkeypatch):
    """Of this test, with one process that measures."""
    made = media.Measurements(1)
    monkeypatch.setattr(media, "_measurements", [made])
    yield made
    made.workers.close()


def test_what_nobody_waits_for_any_more_is_not_measured(measurements, astronaut):
    """One process: the second picture waits for the first, and its only client leaves; a third is left by one of two."""
    first, second, third = (data_url(encoded(picture)) for picture in (astronaut, astronaut[:, ::-1], astronaut[10:]))

    async def run():
        staying = asyncio.create_task(media.connector().measured(first, "image_url"))
        leaving, one, other = (asyncio.create_task(media.connector().measured(url, "image_url"))
                               for url in (second, third, third))
        while len(measurements.waiting) < 3 or sum(measurements.waiting.values()) < 4:
            await asyncio.sleep(0.01)
        queued = dict(zip(("first", "second", "third"), measurements.known.values(), strict=True))
        for task in (leaving, one):
            task.cancel()
        await asyncio.wait({leaving, one})
        assert [name for name, future in queued.items() if future.cancelled()] == ["second"]
        assert len((await staying).subjects) == len((await other).subjects) == 1
        assert len((await media.connector().measured(second, "image_url")).subjects) == 1  # it can be asked for again
        assert not measurements.waiting

    asyncio.run(run())
