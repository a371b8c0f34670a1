"""Measuring for requests that share a measurement, and for requests that leave."""

import asyncio
import io

import pytest
from PIL import Image

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


def test_a_moving_picture_is_a_photo_as_image_and_a_clip_as_video(measurements, astronaut):
    file, face = io.BytesIO(), Image.fromarray(astronaut[20:236, 124:340])
    face.save(file, "GIF", save_all=True, append_images=[face.rotate(2), face.rotate(4)], duration=80)
    url = data_url(file.getvalue(), "image/gif")

    async def run():
        as_image, as_video = [await media.connector().measure(url, name) for name in ("image_url", "video_url")]
        assert (as_image.kind, as_video.kind) == ("photo", "clip")
        assert "only the first is used" in as_image.subjects[0].notices[0] and as_video.subjects[0].notices == []

    asyncio.run(run())


def test_what_nobody_waits_for_any_more_is_not_measured(measurements, astronaut):
    """One process: the second picture waits for the first, and its only client leaves; a third is left by one of two."""
    first, second, third = (data_url(encoded(picture)) for picture in (astronaut, astronaut[:, ::-1], astronaut[10:]))

    async def run():
        staying = asyncio.create_task(media.connector().measure(first, "image_url"))
        leaving, one, other = (asyncio.create_task(media.connector().measure(url, "image_url"))
                               for url in (second, third, third))
        while len(measurements.waiting) < 3 or sum(measurements.waiting.values()) < 4:
            await asyncio.sleep(0.01)
        queued = dict(zip(("first", "second", "third"), measurements.known.values(), strict=True))
        for task in (leaving, one):
            task.cancel()
        await asyncio.wait({leaving, one})
        assert [name for name, future in queued.items() if future.cancelled()] == ["second"]
        assert len((await staying).subjects) == len((await other).subjects) == 1
        assert len((await media.connector().measure(second, "image_url")).subjects) == 1  # it can be asked for again
        assert not measurements.waiting

    asyncio.run(run())
