"""Names that files give may not lead out of their folder."""

from __future__ import annotations

import pytest
from messages import refused, says

from alphaction.utils.errors import UserError
from alphaction.utils.inside import inside, name_problem

OUTSIDE = [
    "../outside", "a/../../outside", "..", ".", "/etc/passwd", "\\\\server\\share", "C:\\x", "c:x", "..\\outside", "",
    " ", "a\0b", "a\x1b[31m", "a\nb", "a\u202eb", "./a", "x" * 300, "a/" * 600,
]  # fmt: skip
FINE = ["a", "a.b", "cam1/morning", "..a", "a..b", "Fußgänger 3", "видео", "1:2", "a b", "bytes \udcff"[:5]]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    refused(lambda: inside(tmp_path, name, "video"), "video", tmp_path)
    assert name_problem(name)


@pytest.mark.parametrize("name", FINE)
def test_other_names_are_fine(tmp_path, name):
    assert inside(tmp_path, name, "video") == tmp_path / name


@pytest.mark.parametrize("name", ["a/b", "a.", ".a", "a ", "x" * 201])
def test_what_names_a_folder_has_to_be_one_on_every_system(name):
    assert name_problem(name)
    assert name_problem("pets_indoor-2.v1_train") == ""


def test_a_link_out_is_followed_only_where_that_is_wanted(tmp_path):
    folder, other = tmp_path / "clips", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "real").mkdir()
    (folder / "out").symlink_to(other, target_is_directory=True)
    (folder / "within").symlink_to(folder / "real", target_is_directory=True)
    (tmp_path / "linked").symlink_to(folder, target_is_directory=True)
    assert inside(folder, "out", "video") == folder / "out"
    for name in ("real", "within", "new"):
        assert inside(folder, name, "video", follow_links=False) == folder / name
    # The folder itself may be reached by a link: that is the person's own.
    assert inside(tmp_path / "linked", "real", "video", follow_links=False)
    with pytest.raises(UserError) as caught:
        inside(folder, "out", "video", follow_links=False)
    says(str(caught.value), folder / "out", other, "DATASETS.FOLLOW_LINKS True")
