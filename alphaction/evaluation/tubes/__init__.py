"""Persons through time: tubes of boxes, events (who does what, from when to when), and how well they are found."""

from alphaction.evaluation.tubes.tube import Event, PersonTube, ScoredBox, VideoTubes

__all__ = ["Event", "PersonTube", "ScoredBox", "VideoTubes"]
