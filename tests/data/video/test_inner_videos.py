"""Videos that lie deeper than in their folder."""

from __future__ import annotations

from alphaction.data.video import inner_videos
from alphaction.data.video.inner_videos import inner_videos_note


def test_videos_in_inner_folders_are_counted(tmp_path, monkeypatch):
    for name in ("a.mp4", "frames/1.jpg", ".hidden/b.mp4", "cam1/.c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert inner_videos_note(tmp_path) == ""
    for name in ("cam1/c.MP4", "cam2/day 1/d.avi", "cam2/day 1/e.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("")
    found = "3 more videos lie in folders inside it (cam1, cam2/day 1), which are not searched"
    assert inner_videos_note(tmp_path) == found
    monkeypatch.setattr(inner_videos, "_MAX_FILES", 0)
    assert inner_videos_note(tmp_path) == ""
