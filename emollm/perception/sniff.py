"""What a file is, by its first bytes: the one decoder that may open it, or the words for what it is instead.

An allow-list: what stands in no table here is not opened. No demuxer that follows names or addresses within a file is
among them (HLS, DASH, concat, image sequences). Standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

HEADER_BYTES = 512
PHOTOS_READ = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF, JPEG 2000, PGM/PPM or QOI"
CLIPS_READ = "MP4, MOV, MKV, WebM, AVI, WMV, MPEG, MTS, MXF, FLV, Ogg or DV"


@dataclass(frozen=True)
class FileKind:
    """kind: photo (Pillow opens it as `reader`) or clip (FFmpeg opens it with the demuxer `reader`)."""

    kind: str
    reader: str


_PHOTO_MAGIC = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"BM": "BMP",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"qoif": "QOI", b"\xff\x4f\xff\x51": "JPEG2000",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000"}
_CLIP_MAGIC = {
    b"\x1aE\xdf\xa3": "matroska", b"0&\xb2u\x8ef\xcf\x11": "asf", b"FLV\x01": "flv", b"OggS": "ogg",
    b"\0\0\x01\xba": "mpeg", b"\0\0\x01\xb3": "mpegvideo", b"\x06\x0e+4\x02\x05\x01\x01\r\x01\x02\x01\x01\x02": "mxf",
    b"DKIF\0\0": "ivf", b"YUV4MPEG2 ": "yuv4mpegpipe", b"nut/multimedia container\0": "nut", b"\x1f\x07\0": "dv"}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"}
_AVIF_BRANDS = {b"avif", b"avis"}
# PBM, PGM, PPM and PFM: magic, then numbers that comments may stand between; a text that begins with P1 is none.
_NETPBM = re.compile(rb"P(?:[1-6]|f)(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+\s")
_PACKET_SIZES = (188, 192, 204)  # of transport streams: plain, with arrival times (AVCHD, Blu-ray), with parity
_NAMED = {  # what is known and not read, in words
    b"\xff\n": "JPEG XL pictures are not read", b"\0\0\0\x0cJXL ": "JPEG XL pictures are not read",
    b"8BPS": "Photoshop documents are not read", b"v/1\x01": "OpenEXR pictures are not read",
    b"%PDF": "this is a PDF document, unknown as a picture", b"PK\x03\x04": "this is a ZIP archive: unpack it",
    b"\x89HDF": "this is an HDF5 file", b"\x1f\x8b": "this is a gzip archive: unpack it",
    b"FWS": "Flash programs are not read", b"CWS": "Flash programs are not read", b"SIMPLE": "FITS pictures are not read",
    b"ARROW1": "this is an Arrow or Feather file: save it as Parquet or CSV", b"MATLAB 5.0": "this is a MATLAB file: save the "
    "table as CSV with writetable", b"II+\0": "BigTIFF pictures are not read: save it as plain TIFF",
    b"MM\0+": "BigTIFF pictures are not read: save it as plain TIFF", b"\xd0\xcf\x11\xe0": "this is a document of Microsoft "
    "Office: save a table as CSV",
    b"$FL2": "this is an SPSS file: save the table as CSV", b"<stata_dta": "this is a Stata file: save the table as CSV",
    b"RDX": "this is R data: save the table as CSV with write.csv", b"SQLite format 3": "this is a database: export the table "
    "as CSV", b"\x80\x04\x95": "this is a pickle, which is never opened: save the table as CSV or Parquet",
    b"\x80\x05\x95": "this is a pickle, which is never opened: save the table as CSV or Parquet",
    b"\xff\xff\xff\xff": "this is an Arrow stream: save it as Parquet or CSV",
    b"PAR1": "this is a Parquet file: name it .parquet to have it read as a table", 
    b"@relation": "this is an ARFF file: save the table as CSV",
    b"RIFF": "this kind of RIFF file is not read (sound?)", b"ID3": "this is sound without pictures",
    b"fLaC": "this is sound without pictures", b"FUJIFILM": "camera raw pictures are not read",
    b".RMF": "RealMedia clips are not read"}


def recognise(header: bytes) -> FileKind | None:
    """What reads a file that begins like this; None for everything else."""
    if header[:4] == b"RIFF" and header[8:12] in (b"WEBP", b"AVI "):
        return FileKind("photo", "WEBP") if header[8:12] == b"WEBP" else FileKind("clip", "avi")
    for kind, table in (("photo", _PHOTO_MAGIC), ("clip", _CLIP_MAGIC)):
        for magic, reader in table.items():
            if header.startswith(magic):
                return FileKind(kind, reader)
    if header[4:8] in _MP4_BOXES:
        return _iso(header)
    if _NETPBM.match(header):
        return FileKind("photo", "PPM")
    if _is_transport_stream(header):
        return FileKind("clip", "mpegts")
    return _elementary_kind(header)


def _iso(header: bytes) -> FileKind:
    """MP4 and its relatives, told apart by the brands of the 'ftyp' box."""
    end = min(int.from_bytes(header[:4], "big"), len(header))
    brands = {header[at:at + 4] for at in (8, *range(16, end - 3, 4))} if header[4:8] == b"ftyp" else set()
    if header[8:12] in _HEIF_BRANDS | _AVIF_BRANDS:
        return FileKind("photo", "AVIF" if brands & _AVIF_BRANDS else "HEIF")
    return FileKind("clip", "mp4")


def _is_transport_stream(header: bytes) -> bool:
    """Sync bytes a packet apart; packets of 192 bytes begin with four bytes of arrival time."""
    starts = ((size, 4 if size == 192 else 0) for size in _PACKET_SIZES)
    return any(len(header) > first + size and all(b == 0x47 for b in header[first::size]) for size, first in starts)


def _elementary_kind(header: bytes) -> FileKind | None:
    """H.264 and H.265 without a container: a start code, then a parameter set (ITU-T H.264 and H.265, annex B)."""
    for start in (b"\0\0\0\x01", b"\0\0\x01"):
        if header.startswith(start) and len(header) > len(start) + 1:
            first = header[len(start)]
            if first & 0x9F in (7, 9) and first & 0x80 == 0:
                return FileKind("clip", "h264")
            if first in (0x40, 0x42, 0x46) and header[len(start) + 1] == 1:
                return FileKind("clip", "hevc")
    return None


def is_jpeg_sequence(file: BinaryIO) -> bool:
    """Whether JPEG pictures of one size follow each other, as in an .mjpeg file.

    A phone's second picture (MPO, gain maps) is announced in the first one by an MPF segment, and is not meant.
    """
    file.seek(0)
    first = _jpeg_size(file)
    return first is not None and _jpeg_size(file) == first


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height of the JPEG that begins here; the file is left behind it. None for anything else."""
    if file.read(2) != b"\xff\xd8":
        return None
    size = None
    while (marker := file.read(2)) and marker[:1] == b"\xff" and len(marker) == 2:
        length = int.from_bytes(file.read(2), "big") - 2
        body = file.read(max(length, 0))
        if marker[1] == 0xE2 and body.startswith(b"MPF\0"):
            return None
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC) and len(body) >= 5:
            size = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
        if marker[1] == 0xDA:
            return size if _after_scan(file) else None
    return None


def _after_scan(file: BinaryIO, block: int = 2**20) -> bool:
    """Go on behind the end marker (in coded data FF is always followed by 00 or a restart marker)."""
    last, at = b"", file.tell()
    while data := file.read(block):
        marker = (last + data).find(b"\xff\xd9")
        if marker >= 0:
            file.seek(at - len(last) + marker + 2)
            return True
        at, last = at + len(data), data[-1:]
    return False


def describe(header: bytes) -> str:
    """A file that is not read, in words."""
    if header.startswith(b"PK\x03\x04") and (b"[Content_Types].xml" in header or b"xl/" in header or b"mimetype" in header):
        return "this is a workbook or document: save the sheet as CSV"
    for magic, words in _NAMED.items():
        if header.startswith(magic):
            return words
    if header[128:132] == b"DICM":
        return "DICOM pictures are not read"
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as error:
        # A multi-byte letter cut at the end of the header is still text.
        text = header[: error.start].decode("utf-8") if error.start > len(header) - 4 else ""
    if text and all(letter.isprintable() or letter in "\r\n\t\f" for letter in text):
        return "this is a text file"
    return "unknown file format"
