"""Frames from video files: whole movies, one-second clips, and a cache of decoded clips."""

from alphaction.data.video.file import BrokenVideoError, VideoFile, VideoInfo

__all__ = ["BrokenVideoError", "VideoFile", "VideoInfo"]
