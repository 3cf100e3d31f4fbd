"""Frames from video files: whole movies, one-second clips, and a cache of decoded clips."""
