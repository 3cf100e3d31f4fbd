"""Where in its file a row stands."""

from __future__ import annotations

import gzip

import numpy as np

from alphaction.data.row_places import first_row, repeated_rows


def test_places_in_files_of_all_kinds(tmp_path):
    rows = ["\ufeffv,0,0.1,0.1,0.5,0.5,1", "v,0,0.2,0.1,0.5,0.5,1", "v,1,-0.1,0.1,0.5,0.5,1", "w,1,0.1,0.1,0.5,0.5,1"]
    plain, packed, tabs = tmp_path / "a.csv", tmp_path / "a.dat", tmp_path / "b.csv"
    plain.write_text("\n".join(rows), encoding="utf-8")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    tabs.write_text("\n".join(rows).replace(",", "\t"), encoding="utf-8")
    for path in (plain, packed, tabs):
        assert first_row(str(path), "v") == f"{path}, line 1"
        assert first_row(str(path), "w") == f"{path}, line 4"
        assert first_row(str(path), "v", 0, np.array([0.2, 0.1, 0.5, 0.5])) == f"{path}, line 2"
        assert (
            first_row(str(path), "v", 1, np.array([0.0, 0.1, 0.5, 0.5])) == f"{path}, line 3"
        )  # the reader clips boxes
        assert first_row(str(path), "x") == str(path)
    plain.write_text('\n {"images": []}')
    assert first_row(str(plain), "images") == str(plain)
    assert first_row("annotations", "v") == "annotations"
    plain.write_text("a,1\n\nb,2\na,1\n\n")
    assert repeated_rows(str(plain)) == [(4, 1)]


def test_a_long_line_of_xml_or_csv(tmp_path):
    """Python's csv takes no cell of more than 131072 characters."""
    xml, table = tmp_path / "a.xml", tmp_path / "a.csv"
    xml.write_text("<annotations><source>v.mp4</source>" + "<box/>" * 30_000 + "</annotations>")
    assert first_row(str(xml), "v") == str(xml)
    assert repeated_rows(str(xml)) == []
    table.write_text("v" * 140_000 + "\nv,0,0.1,0.1,0.5,0.5,1\n")
    assert first_row(str(table), "v") == f"{table}, line 2"
