"""Lists of CTs, as people and spreadsheets write them."""

from pathlib import Path

import pytest

from InnerEarSegLib.batch.cohort import read_list
from InnerEarSegLib.errors import UnusableInput

from .finished_cases import listed


def test_a_text_file_is_a_ct_a_line(tmp_path):
    path = listed(
        tmp_path, "# ours", "a/one.nii.gz", "", " two.v2.nrrd ", "/far/dicom", name="l.txt"
    )
    cases = read_list(path).cases
    assert [case.name for case in cases] == ["one", "two.v2", "dicom"]
    assert [case.source.path for case in cases] == [
        tmp_path / "a" / "one.nii.gz", tmp_path / "two.v2.nrrd", Path("/far/dicom"),
    ]  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_may_say_more(tmp_path, separator):
    rows = [["Case", "age", "image", "series", "center", "roi"],
            ["P 1", "60", "x.nrrd", "1.2.3", "-30 -4 15", ""],
            ["P 2", "61", "x.nrrd", "", "", '"-30;-4;15;40;40;40"']]  # fmt: skip
    path = listed(tmp_path, *("\ufeff" * (not i) + separator.join(r) for i, r in enumerate(rows)))
    cohort = read_list(path)
    first, second = cohort.cases
    assert cohort.ignored == ("age",)
    assert (first.name, first.source.series) == ("P 1", "1.2.3")
    assert first.source.region.center.tolist() == [-30, -4, 15]
    for center in ("1.5 2.5 3", "1.5,2.5,3", "1.5, 2.5, 3", " 1.5 ; 2.5;3 "):
        (case,) = read_list(listed(tmp_path, "image\tcenter", f"x.nii\t{center}")).cases
        assert case.source.region.center.tolist() == [1.5, 2.5, 3]
    assert second.source.series is None and second.source.region.half_mm.tolist() == [20, 20, 20]


@pytest.mark.parametrize(("lines", "said"), [
    (["image", "a/x.nii", "b/X.nrrd"], "two cases 'X', in lines 2 and 3"),
    (["file", "x.nii"], "no column 'image'"),
    (["image"], "names no CT"),
    (["case,image", "a,"], "Line 2 of list.csv has no image"),
    (["case,image", "../a,x.nii"], "cannot be the name"),
    (["case,image", "ears.csv,x.nii"], "cannot be the name"),
    (["image,center", "x.nii,1 2"], "Line 2 of list.csv: '1,2' is not R,A,S"),
    (["image,center", "x.nii,1,2,3"], "more cells than the first line"),
    (["image,center,roi", "x.nii,1 2 3,1 2 3 4 5 6"], "either center or roi, not both"),
    (["image,image", "x.nii,y.nii"], "two columns 'image'"),
    (["image;center", "x.nii;1,5 2,5 -3,5"], r"commas; write points.*: 1\.5 2\.5 -3\.5\.$"),
    (["image,center", 'x.nii,"1,5; 2; 3"'], r"Line 2 of list.csv.*points.*: 1\.5 2 3\.$"),
    (["image;roi", "x.nii;1,5 2,5 3,5"], "has decimal commas"),  # not six numbers
    (["image", "a/Mu\u0308ller.nii", "b/M\u00fcller.nii"], "two cases 'M.*lines 2 and 3"),
])  # fmt: skip
def test_a_list_that_cannot_be_used(tmp_path, lines, said):
    with pytest.raises(UnusableInput, match=said) as refused:
        read_list(listed(tmp_path, *lines))
    assert "\n" not in str(refused.value)


def images(path):
    return [case.image for case in read_list(path).cases]


def test_remarks_begin_after_a_blank_unless_a_file_is_called_so(tmp_path):
    (tmp_path / "c #1.nii").touch()
    (tmp_path / "d # dark.nii").touch()
    path = listed(
        tmp_path, "  # ours", "a.nii.gz  # good scan", "b#1.nii\t# x # y", "c #1.nii # bad",
        "d # dark.nii", "e.nii #", "'f g.nii' # quoted", name="list.txt",
    )  # fmt: skip
    assert images(path) == [
        "a.nii.gz", "b#1.nii", "c #1.nii", "d # dark.nii", "e.nii", "f g.nii",
    ]  # fmt: skip


def test_quotes_of_a_copied_place_are_stripped(tmp_path):
    (tmp_path / "'odd'").touch()
    (tmp_path / "x # y.nii").touch()
    path = listed(
        tmp_path, r'"C:\CT\P 1.nii"', "'b.nii'", "'odd'", '"x # y.nii" # seen',
        "'far # off.nii' # 'z'", name="list.txt",
    )  # fmt: skip
    assert images(path) == [r"C:\CT\P 1.nii", "b.nii", "'odd'", "x # y.nii", "far # off.nii"]
    table = listed(tmp_path, "image;case", '"""C:\\CT\\P 1.nii""";one', "'b.nii';two")
    assert images(table) == [r"C:\CT\P 1.nii", "b.nii"]


@pytest.mark.parametrize("quotes", ["“”", "„“", "‘’", "‚‘", "«»", "»«"])
def test_quotes_that_a_word_processor_made(tmp_path, quotes):
    place = r"C:\CT\P 1.nii"
    text = f"{quotes[0]}{place}{quotes[1]}"
    assert images(listed(tmp_path, f"{text} # seen", name="l.txt")) == [place]
    assert images(listed(tmp_path, "image", text)) == [place]
    (tmp_path / f"{quotes[0]}odd{quotes[1]}").touch()
    odd = f"{quotes[0]}odd{quotes[1]}"
    assert images(listed(tmp_path, odd, name="l.txt")) == [odd]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_lists_as_windows_writes_them(tmp_path, encoding):
    for name, text in (
        ("l.txt", "M\u00fcller.nii\r\nb.nii\r\n"),
        ("l.csv", "image\r\nM\u00fcller.nii\r\nb.nii"),
    ):
        (tmp_path / name).write_bytes(text.encode(encoding))
        assert images(tmp_path / name) == ["M\u00fcller.nii", "b.nii"]


@pytest.mark.parametrize(
    ("name", "said"), [("l.txt", "UTF-8 text; save it with that"), ("l.csv", "in Excel, save it")]
)
@pytest.mark.parametrize("raw", ["image\nk\u00e4se.nii\n".encode("latin-1"), b"\xff\xfea\0b"])
def test_other_encodings_are_refused_with_fitting_advice(tmp_path, name, said, raw):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UnusableInput, match=said):
        read_list(tmp_path / name)


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("as_cell", [False, True])
def test_excels_line_on_the_separator_is_honoured(tmp_path, separator, mark, as_cell):
    said = quoted(f"sep={separator}") if as_cell else f"SEP={separator}"
    rows = [["image", "center", "a,b;c"], ["x.nii", "1 2 3", ""], ["y.nii", "1 2", ""]]
    path = listed(tmp_path, mark + said, *(separator.join(map(quoted, r)) for r in rows))
    with pytest.raises(UnusableInput, match=r"Line 4 of list.csv: '1,2' is not R,A,S"):
        read_list(path)
    path.write_text(path.read_text(encoding="utf-8").replace('1 2"', '1 2 4"'), encoding="utf-8")
    assert images(path) == ["x.nii", "y.nii"] and read_list(path).ignored == ("a,b;c",)


def quoted(cell):
    return f'"{cell}"'


@pytest.mark.parametrize(
    "name", ["con", "NUL", "com1", "COM9", "lpt3", "LPT1.v2", "aux .x", "com¹", "conout$"]
)
def test_names_that_windows_takes_for_devices(tmp_path, name):
    with pytest.raises(UnusableInput, match=r"Line 2 .* cannot be the name of a case's folder"):
        read_list(listed(tmp_path, "case,image", f"{name},x.nii"))
    fine = ["com10", "console", "lpt", "null", "aux1", "Com1 left"]  # only look like devices
    cases = read_list(listed(tmp_path, "case,image", *(f"{each},x.nii" for each in fine))).cases
    assert [case.name for case in cases] == fine
