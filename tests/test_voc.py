"""Pascal's annotations: the lecture's file, VOC's XML against torchvision's reader, and malformed files."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torchvision.datasets import VOCDetection

from course_utils import boxes
from course_utils.datasets import voc

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SORBONNE = """# PASCAL Annotation Version 1.00

Image filename : "TUDarmstadt/PNGImages/motorbike-testset/motorbikes040-rt.png"
Image size (X x Y x C) : 400 x 275 x 3
Database : "The TU Darmstadt Database"
Objects with ground truth : 2 { "PASmotorbikeSide" "PASmotorbikeSide" }

# Note that there might be other objects in the image
# for which ground truth data has not been provided.

# Top left pixel co-ordinates : (1, 1)

# Details for object 1 ("PASmotorbikeSide")
Original label for object 1 "PASmotorbikeSide" : "motorbikeSide"
Bounding box for object 1 "PASmotorbikeSide" (Xmin, Ymin) - (Xmax, Ymax) : (57, 133) - (329, 265)

# Details for object 2 ("PASmotorbikeSide")
Original label for object 2 "PASmotorbikeSide" : "motorbikeSide"
Bounding box for object 2 "PASmotorbikeSide" (Xmin, Ymin) - (Xmax, Ymax) : (153, 95) - (396, 218)
"""
XML = """<annotation>
  <filename>street.jpg</filename>
  <size><width>60</width><height>40</height><depth>3</depth></size>
  <object>
    <name>person</name>
    <difficult>1</difficult>
    <bndbox>
      <xmin>5</xmin>
      <ymin>11</ymin>
      <xmax>9</xmax>
      <ymax>30.5</ymax>
    </bndbox>
    <part><name>head</name><bndbox><xmin>6</xmin><ymin>11</ymin><xmax>8</xmax><ymax>14</ymax></bndbox></part>
  </object>
  <object>
    <name>car</name>
    <difficult/>
    <bndbox><ymax>7</ymax><xmax>70</xmax><ymin>7</ymin><xmin>1</xmin></bndbox>
  </object>
</annotation>
"""


def folder(name: str) -> Path:
    """A folder of VOC's layout, from COURSE_DATA or from ../shared/data."""
    for root in filter(None, (os.environ.get("COURSE_DATA"), SHARED)):
        if (Path(root) / name).is_dir():
            return Path(root) / name
    pytest.skip(f"{name} is neither in COURSE_DATA nor in {SHARED}")


def test_the_sorbonne_lecture_by_hand():
    found = voc.parse_text(SORBONNE)
    assert found.filename == "TUDarmstadt/PNGImages/motorbike-testset/motorbikes040-rt.png"
    assert found.size == (275, 400, 3) and found.labels == ("PASmotorbikeSide",) * 2
    assert found.corners.tolist() == [[57, 133, 329, 265], [153, 95, 396, 218]]
    assert found.boxes.tolist() == [[56, 132, 329, 265], [152, 94, 396, 218]]  # edges from 0
    assert not found.difficult.any()
    assert round(boxes.iou(found.corners[:1], found.corners[1:]).item(), 4) == 0.2943
    assert round(boxes.iou(found.boxes[:1], found.boxes[1:]).item(), 4) == 0.2965


def test_xml_by_hand():
    found = voc.parse_xml(XML)
    assert found.filename == "street.jpg" and found.size == (40, 60, 3)
    assert found.labels == ("person", "car") and found.difficult.tolist() == [True, False]
    assert found.boxes.tolist() == [[4, 10, 9, 30.5], [0, 6, 70, 7]]  # one pixel high; ten pixels out of the picture
    assert boxes.area(boxes.clip(found.boxes, found.size[:2])).tolist() == [5 * 20.5, 60]
    assert voc.parse_xml(XML.encode()).corners.tolist() == found.corners.tolist()


def test_what_the_first_pixel_is_called_does_not_change_sizes():
    one, zero = voc.parse_xml(XML), voc.parse_xml(XML, first_pixel=(0, 0))
    assert zero.boxes.tolist() == [[5, 11, 10, 31.5], [1, 7, 71, 8]]
    assert torch.equal(boxes.area(one.boxes), boxes.area(zero.boxes))
    assert torch.equal(voc.parse_text(SORBONNE.replace("(1, 1)", "(0, 0)")).boxes, voc.parse_text(SORBONNE).boxes + 1)


def test_no_object_is_fine():
    nothing = ElementTree.fromstring(XML)
    for thing in nothing.findall("object"):
        nothing.remove(thing)
    empty_text = "\n".join(SORBONNE.splitlines()[:12]).replace('2 { "PASmotorbikeSide" "PASmotorbikeSide" }', "0 { }")
    for found in (voc.parse_xml(ElementTree.tostring(nothing)), voc.parse_text(empty_text)):
        assert found.labels == () and found.boxes.shape == (0, 4) and found.difficult.shape == (0,)
        target = found.target(["cat"])
        assert target["boxes"].shape == (0, 4) and target["labels"].shape == (0,)


def test_target_counts_classes_from_one():
    target = voc.parse_xml(XML).target(["car", "person"])
    assert target["labels"].tolist() == [2, 1] and target["labels"].dtype == torch.int64
    assert target["boxes"].dtype == torch.float32
    with pytest.raises(ValueError, match=r"classes must hold every label of street.jpg, got none called 'person'"):
        voc.parse_xml(XML).target(["car"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# PASCAL Annotation Version 1.00", "# PASCAL Annotation Version 2.00", r"line 1: '# PASCAL.* got '# PASCAL"),
        ("(57, 133) - (329", "(57, 133) (329", r"line 15: this must look like 'Bounding box .*got 'Bounding"),
        ("(57, 133)", "(57; 133)", "line 15: this must look like"),
        ("(57, 133)", "(nan, 133)", "line 15: this must look like"),
        ("(153, 95)", "(397, 95)", r"line 19: xmax and ymax must not be below .*got \[397.0, 95.0, 396.0, 218.0\]"),
        ("400 x 275 x 3", "400 x 275", "line 4: this must look like 'Image size"),
        ("400 x 275 x 3", "-400 x 275 x 3", "line 4: this must look like"),
        (" : 2 {", " : 3 {", "line 6: 3 objects are announced, 2 named, and 2 boxes follow"),
        (' "PASmotorbikeSide" }', " }", "line 6: 2 objects are announced, 1 named, and 2 boxes follow"),
        ("Image filename", "Picture filename", 'line 19: one line .Image filename : "NAME". is expected .* got 0'),
        ("# Top left pixel co-ordinates : (1, 1)", "#", "line 19: one line '# Top left .* got 0"),
        ("\n# Note", "\nImage size (X x Y x C) : 4 x 2 x 3\n# Note", "line 8: one line 'Image size.* got 2"),
        ('box for object 2 "PASm', 'box for object 1 "PASm', "line 19: the box of object 2 .* is expected, got 1"),
        (
            'box for object 2 "PASm',
            'box for object 2 "PASM',
            "line 19: the box of object 2 .* got 2 'PASMotorbikeSide'",
        ),
    ],
)
def test_a_malformed_text_is_refused_by_name_and_line(old, new, message):
    assert old in SORBONNE
    with pytest.raises(RuntimeError, match=f"^bike.txt, {message}.*Mend that line, or copy the file anew"):
        voc.parse_text(SORBONNE.replace(old, new), "bike.txt")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</annotation>", "", r"line \d+: this is no XML \(no element found\)"),
        ("<xmin>5</xmin>", "<xmin>5</xmax>", r"line 8: this is no XML \(mismatched tag\)"),
        ("annotation>", "note>", "line 1: <annotation> is expected, got <note>"),
        ("      <xmin>5</xmin>\n", "", "line 7: one <xmin> is expected in <bndbox>, got 0"),
        ("<ymin>11</ymin>", "<ymin>11</ymin><ymin>12</ymin>", "line 9: one <ymin> is expected in <bndbox>, got 2"),
        ("<xmax>9</xmax>", "<xmax>nine</xmax>", "line 10: <xmax> must hold a number, got 'nine'"),
        ("<xmax>9</xmax>", "<xmax></xmax>", "line 10: <xmax> is empty"),
        ("<xmax>9</xmax>", "<xmax>4</xmax>", r"line 7: xmax and ymax must not be below .*got \[5.0, 11.0, 4.0, 30.5\]"),
        ("<ymax>30.5</ymax>", "<ymax>3</ymax>", r"line 7: xmax and ymax must not be .*got \[5.0, 11.0, 9.0, 3.0\]"),
        ("<xmax>9</xmax>", "<xmax>nan</xmax>", "line 7: a box must have four finite numbers"),
        ("<xmax>9</xmax>", "<xmax>inf</xmax>", "line 7: a box must have four finite numbers"),
        ("<name>car</name>", "<name> </name>", "line 16: <name> is empty"),
        ("<name>car</name>", "", "line 15: one <name> is expected in <object>, got 0"),
        ("<difficult>1<", "<difficult>maybe<", "line 6: <difficult> must be 0 or 1, got 'maybe'"),
        ("<height>40</height>", "<height>4x</height>", "line 3: <height> must hold a number, got '4x'"),
        ("<filename>street.jpg</filename>", "", "line 1: one <filename> is expected in <annotation>, got 0"),
    ],
)
def test_a_malformed_xml_is_refused_by_name_and_line(old, new, message):
    assert old in XML
    with pytest.raises(RuntimeError, match=f"^street.xml, {message}.*Mend that line, or copy the file anew"):
        voc.parse_xml(XML.replace(old, new), "street.xml")


def test_a_file_says_itself_which_kind_it_is(tmp_path):
    for text, labels in ((SORBONNE, ("PASmotorbikeSide",) * 2), (XML, ("person", "car"))):
        path = tmp_path / "one"
        path.write_text(text)
        assert voc.read(path).labels == labels
    path.write_text("")
    with pytest.raises(RuntimeError, match=r"one, line 1: this is no XML"):
        voc.read(path)
    path.write_bytes(SORBONNE.encode()[:400] + b"\xff\xfe")
    with pytest.raises(RuntimeError, match=r"one, line \d+: "):
        voc.read(path)
    with pytest.raises(RuntimeError, match=r"two cannot be read \(No such file or directory\)"):
        voc.read(tmp_path / "two")


@pytest.mark.parametrize(
    ("name", "year", "image_set", "counts"),
    [
        ("bccd_voc", "2007", "trainval", {"RBC": 3350, "WBC": 301, "Platelets": 292}),
        ("voc2012_3img", "2012", "trainval", {"person": 6, "bus": 2, "car": 1}),
    ],
)
def test_whole_data_sets_agree_with_torchvision(name, year, image_set, counts):
    theirs = VOCDetection(folder(name), year=year, image_set=image_set)
    found = dict.fromkeys(counts, 0)
    for i, path in enumerate(theirs.annotations):
        ours, tree = voc.read(path), theirs.parse_voc_xml(ElementTree.parse(path).getroot())["annotation"]
        assert ours.filename == tree["filename"] and ours.labels == tuple(thing["name"] for thing in tree["object"])
        wanted = [[float(o["bndbox"][tag]) for tag in ("xmin", "ymin", "xmax", "ymax")] for o in tree["object"]]
        torch.testing.assert_close(ours.corners, torch.tensor(wanted))
        assert torch.equal(boxes.clip(ours.boxes, ours.size[:2]), ours.boxes) and (boxes.area(ours.boxes) > 0).all()
        for label in ours.labels:
            found[label] += 1
        if i == 0:
            assert theirs[0][0].size == ours.size[1::-1]
    assert found == counts
