"""Opening a stream at an address (rtsp://, http://, ...), and what is wrong where that fails.

As for files (``opening.py``) only containers of videos are opened, and no wait is without end. What a playlist names
can only be another address, never a file of this machine.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import av

from alphaction.data.video.opening import CONTAINERS, LENIENT_TAGS, reason
from alphaction.utils import limits
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, suggest

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "rtp", "srt")
"""What an address that can be opened begins with."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# What comes before and after a password: NAME:PASSWORD@HOST, ...
_USER = re.compile(r"(://[^/?#:@]*:)[^/?#]*(@)")
# ... one with a character that ends the name of a machine unless it is written as %2F, and that is no port, ...
_SPLIT_USER = re.compile(r"(://[^/?#:@\[]*:)(?!\d*[/?#]|\*\*\*@).*(@)")
# ... and what cameras want to be told in the query or the path: ?user=me&pwd=PASSWORD, /user=me_password=PASSWORD_x=1.
_NAMED = re.compile(
    r"([\w.-]*(?:pass|pwd|token|secret|auth|key|sig)[\w.-]*=).*?((?=_[A-Za-z]+=)|(?=[&;#])|$)", re.IGNORECASE
)
_PROTOCOLS = "rtmp,rtmps,rtmpt,rtmpts,http,https,httpproxy,tls,tcp,udp,rtp,srtp,srt,crypto,data"
_DEMUXERS = f"{CONTAINERS},rtsp,rtp,sdp,hls"
_OPTIONS = {
    "format_whitelist": _DEMUXERS,
    "protocol_whitelist": _PROTOCOLS,
    "max_pixels": str(limits.FRAME_PIXELS),
    # Microseconds of a stream that may be looked at, to learn what it holds, before its first frame is given out.
    "analyzeduration": "2000000",
}
# Over UDP, which is the default, packets get lost on the way, and with them parts of frames.
_RTSP = {"rtsp_transport": "tcp"}


def scheme_of(text: str) -> str | None:
    """Return what an address begins with ("rtsp"), in lower case; None: this is no address."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def without_password(address: str) -> str:
    """Return an address as messages may show it: with stars in place of the password, and of keys and tokens."""
    for secret in (_USER, _SPLIT_USER, _NAMED):
        address = secret.sub(r"\1***\2", address)
    return address


def open_address(address: str, wait: float = limits.STREAM_ANSWER_SECONDS) -> av.container.InputContainer:
    """Return a stream that is open for reading.

    Args:
        address: of the stream.
        wait: seconds for an answer; afterwards, for the next packet, as many as ever.

    Raises:
        UserError: no such addresses can be opened.
        DataError: nobody answers there, or not with a video.
    """
    scheme, title = scheme_of(address), without_password(address)
    if scheme not in SCHEMES:
        raise UserError(
            f"--video {title}: this is neither a file nor the address of a stream, which begins with one of these, "
            f"followed by ://. {suggest(scheme or '', SCHEMES)}"
        )
    options = _OPTIONS | (_RTSP if scheme.startswith("rtsp") else {})
    try:
        return av.open(address, options=options, timeout=(wait, limits.STREAM_ANSWER_SECONDS), **LENIENT_TAGS)
    except (av.FFmpegError, OSError, ValueError) as error:
        # Not from the error: its text has the password.
        raise DataError(f"{title}: {_what_is_wrong(address, error, wait)}") from None


def _what_is_wrong(address: str, error: Exception, wait: float) -> str:
    """Return why an address does not open, and what to do."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "this is no address. Expected rtsp://NAME:PASSWORD@HOST:PORT/PATH, with an IPv6 address in [ ]"
    match error:
        case av.error.ConnectionRefusedError():
            return "the connection is refused: nothing listens there. Is the camera on, and is the port right?"
        case av.error.ExitError() | av.error.TimeoutError():
            return (
                f"no answer within {counted(round(wait, 1), 'second')}. Is the camera on, and does a firewall let it "
                "through?"
            )
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return (
                f"it wants another name or password ({reason(error)}): {parts.scheme}://NAME:PASSWORD@"
                f"{parts.hostname or 'HOST'}/..., with %40 for an @ in the password"
            )
        case av.error.HTTPNotFoundError():
            return "the server answers, and has no such stream (404). Is the path of the address right?"
        case av.error.InvalidDataError():
            return "something answers, but not with a video that can be read. Is this the address of the stream itself?"
        case av.error.EOFError():
            return "the connection is closed before a video begins. Is somebody sending?"
        case av.error.ProtocolNotFoundError():
            return f"this ffmpeg (PyAV {av.__version__}) does not know {parts.scheme}://"
    if not _is_known(parts.hostname):
        return f"no machine is called {parts.hostname}. Is the name right, and is there a network?"
    return f"it does not open ({reason(error)})"


def _is_known(host: str | None) -> bool:
    """Return whether a name is that of a machine."""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True
