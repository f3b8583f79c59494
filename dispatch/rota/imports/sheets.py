"""From a file that somebody sent to rows of plain values, and back: the only home of openpyxl.

A spreadsheet is a zip of XML made by anybody: its size is known before it is opened, what it
unpacks to is counted while it is, and rows stop at a number that no rota reaches. A formula is
refused, because its value is whatever another program last thought it was; nor does one leave in a
file that is made here.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import IO

import openpyxl
from openpyxl.cell.read_only import EMPTY_CELL

from dispatch.errors import Invalid
from dispatch.texts import N_, Sentence

#: What a cell may hold; text is stripped, an empty cell is None.
Cell = str | int | float | datetime | date | time | None

MOST_BYTES = 5 * 1024 * 1024
MOST_UNPACKED = 60 * 1024 * 1024
MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 20_000, 400, 200_000
#: Of a spreadsheet, in whatever program.
_LAST_ROW = 1 << 20
_MOST_PARTS = 500
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Row:
    """One row with its number as people see it, from 1 on."""

    number: int
    cells: tuple[Cell, ...]


def rows_of(name: str, content: bytes) -> list[Row]:
    """Return the rows of a file that hold something; raises Invalid with the reason it is refused.

    The first sheet of an .xlsx, or a .csv in any of the usual forms.
    """
    if len(content) > MOST_BYTES:
        _refuse(Sentence(N_("This file is larger than %(mb)s MB."), mb=MOST_BYTES >> 20))
    kind = name.lower().rpartition(".")[2]
    if kind not in ("xlsx", "csv"):
        _refuse(N_("Send an .xlsx or a .csv file."))
    found = list(_filled(_workbook(content) if kind == "xlsx" else _csv(content)))
    if not found:
        _refuse(N_("This file is empty."))
    return found


def _filled(rows: Iterable[tuple[int, list[Cell]]]) -> Iterator[Row]:
    count = 0
    for place, (number, cells) in enumerate(rows, 1):
        if place > MOST_ROWS:
            _refuse(Sentence(N_("This file has more than %(count)s rows."), count=MOST_ROWS))
        clean = [_clean(cell) for cell in cells]
        while clean and clean[-1] is None:
            clean.pop()
        if len(clean) > MOST_COLUMNS:
            told = N_("Row %(row)s has more than %(count)s columns.")
            _refuse(Sentence(told, row=number, count=MOST_COLUMNS))
        count += len(clean)
        if count > MOST_CELLS:
            _refuse(Sentence(N_("This file has more than %(count)s cells."), count=MOST_CELLS))
        if clean:
            yield Row(number, tuple(clean))


def _clean(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return " ".join(cell.split()) or None
    return cell


# --- Spreadsheets.


def _workbook(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    _refuse_bomb(content)
    try:
        # Not `data_only`: a formula must be seen to be refused.
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        rows = book.worksheets[0].iter_rows(max_col=MOST_COLUMNS + 1)
        blank = None
        for number, cells in enumerate(rows, 1):
            if number > _LAST_ROW:
                _refuse(_NO_SHEET)
            # Rows that are left out are one and the same: a stray cell far below costs no more.
            if cells is blank:
                continue
            width = _width(cells)
            blank = blank if width else cells
            yield number, [_value(cell, number) for cell in cells[:width]]
    except Invalid:
        raise
    except Exception as error:
        # Whatever a made-up file makes a library stumble over, it is no spreadsheet.
        raise Invalid(_NO_SHEET, file=_NO_SHEET) from error
    finally:
        if "book" in locals():
            book.close()


_NO_SHEET = N_("This is no spreadsheet that can be read.")


def _width(cells: Sequence[object]) -> int:
    return next((n for n in range(len(cells), 0, -1) if cells[n - 1] is not EMPTY_CELL), 0)


def _value(cell: object, row: int) -> Cell:
    if getattr(cell, "data_type", "") == "f":
        told = N_("Row %(row)s holds a formula: paste values instead.")
        _refuse(Sentence(told, row=row))
    value = getattr(cell, "value", None)
    if isinstance(value, bool) or not isinstance(value, str | int | float | date | time):
        return None if value is None or isinstance(value, bool) else str(value)
    return value


def _refuse_bomb(content: bytes) -> None:
    """Refuse what unpacks to more than any rota, whatever it says of itself, and any entity."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            names = parts.infolist()
            if len(names) > _MOST_PARTS or sum(one.file_size for one in names) > MOST_UNPACKED:
                _refuse(_TOO_BIG)
            for one in names:
                with parts.open(one) as part:
                    _refuse_part(part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise Invalid(_NO_SHEET, file=_NO_SHEET) from error


_TOO_BIG = N_("This file unpacks to more than any rota holds.")


def _refuse_part(part: IO[bytes]) -> None:
    unpacked, before = 0, b""
    while chunk := part.read(_CHUNK):
        unpacked += len(chunk)
        if unpacked > MOST_UNPACKED:
            _refuse(_TOO_BIG)
        if b"<!DOCTYPE" in before + chunk or b"<!ENTITY" in before + chunk:
            _refuse(_NO_SHEET)
        before = chunk[-16:]


# --- Text.


def _csv(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    text = _decoded(content)
    if "\0" in text:
        _refuse(N_("This is no text file."))
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";,\t", key=first.count)
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1):
            yield number, [_text(cell, number) for cell in cells]
    except csv.Error as error:
        told = N_("This is no text file.")
        raise Invalid(told, file=told) from error


def _text(cell: str, row: int) -> Cell:
    if cell.lstrip().startswith("="):
        _refuse(Sentence(N_("Row %(row)s holds a formula: paste values instead."), row=row))
    return cell


def _decoded(content: bytes) -> str:
    """Return text in the usual encodings: what is no UTF-8 comes from an older Excel."""
    for encoding in (
        "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig",
        "cp1252",
    ):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _refuse(told: str) -> None:
    raise Invalid(told, file=told)


# --- And back.

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[Iterable[str]]) -> bytes:
    """Return rows as a file that spreadsheets open in any language: UTF-8 with its mark."""
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(title: str, rows: Iterable[Iterable[str]]) -> bytes:
    """Return rows as a workbook of one sheet, the first row staying in sight."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("".join(c if c.isalnum() else " " for c in title)[:31].strip() or "-")
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([harmless(cell) for cell in row])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, without marks that it cannot hold."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"'{plain}" if text.startswith(_FORMULA) else plain
