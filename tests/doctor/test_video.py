"""Codecs that PyAV reads, and one that lacks some."""

from __future__ import annotations

import av
import pytest
from messages import says

from alphaction.doctor import video
from alphaction.doctor.finding import State


def test_clips_are_made_and_read():
    found = {finding.name: finding for finding in video.decoders()}
    for codec in ("h264", "hevc", "vp9", "av1", "mpeg4"):
        assert (found[codec].state, found[codec].text) == (State.OK, "is read")
        assert found[codec].facts["tried"] is True
    says(found["FFmpeg"].text, "libavcodec ")
    assert found["output"].facts["encoder"] == "libx264"


@pytest.mark.parametrize(("codec", "state"), [("h264", State.PROBLEM), ("hevc", State.NOTE)])
def test_a_missing_decoder(monkeypatch, codec, state):
    def find(name, mode):
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr(av.codec, "Codec", find)
    found = {finding.name: finding for finding in video.decoders()}[codec]
    assert found.state is state
    says(f"{found.text}. {found.fix}", "no decoder", "--force-reinstall av")


def test_a_decoder_that_fails(monkeypatch):
    monkeypatch.setattr(video, "_count", lambda av, clip: 1)
    found = {finding.name: finding for finding in video.decoders()}["h264"]
    assert found.state is State.PROBLEM
    says(found.text, "1 of 3 frames")


def test_no_encoders(monkeypatch):
    def make(*args):
        raise ValueError("no such encoder")

    monkeypatch.setattr(video, "_make", make)
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    found = {finding.name: finding for finding in video.decoders()}
    assert (found["h264"].state, found["h264"].facts["tried"]) == (State.OK, False)
    assert found["output"].state is State.NOTE
    says(found["output"].text, "MPEG-4", "libx264")
