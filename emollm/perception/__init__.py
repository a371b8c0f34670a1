"""Pixels to action units: media, meshes, faces followed through time, intensities, movements."""
