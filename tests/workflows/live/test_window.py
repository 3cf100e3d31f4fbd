"""The window: whose it is, and what closes it."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.live import window

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.fixture
def screen(monkeypatch):
    """OpenCV's functions of a screen; ``shown`` has what was shown, ``keys`` what is pressed next."""
    state = SimpleNamespace(shown=[], keys=[], visible=1.0, closed=False)
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "QT5")
    monkeypatch.setattr(cv2, "namedWindow", lambda title, flags: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: state.shown.append((title, image)))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: state.keys.pop(0) if state.keys else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, what: state.visible)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: setattr(state, "closed", True))
    return state


def test_opencv_s_window(screen):
    shown = window.open_window("camera 0")
    assert shown.picture(0.0, PICTURE)
    title, image = screen.shown[0]
    assert title == "camera 0"
    np.testing.assert_array_equal(image, PICTURE[..., ::-1])  # BGR
    screen.keys = [ord("x"), ord("q"), 27]
    assert [shown.picture(0.0, PICTURE) for _ in range(3)] == [True, False, False]
    screen.visible = 0.0
    assert not shown.picture(0.0, PICTURE)
    shown.close()
    assert screen.closed


class Root:
    """Tk's window, which is told which key is pressed."""

    def __init__(self) -> None:
        self.bound, self.updates, self.destroyed = {}, 0, False

    def bind(self, key: str, call) -> None:
        self.bound[key] = call

    def protocol(self, name: str, call) -> None:
        self.bound[name] = call

    def title(self, text: str) -> None:
        self.text = text

    def update(self) -> None:
        self.updates += 1

    def destroy(self) -> None:
        self.destroyed = True


class Tk:
    """Stands for the module tkinter."""

    class TclError(Exception):
        """As Tk's."""

    def __init__(self, screen: bool = True) -> None:
        self.root, self.screen, self.shown = Root(), screen, []

    def Tk(self) -> Root:  # noqa: N802 - Tk's name
        if not self.screen:
            raise self.TclError("no display name and no $DISPLAY environment variable")
        return self.root

    def Label(self, root: Root, **how) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(pack=lambda: None, configure=lambda image: self.shown.append(image))

    def PhotoImage(self, data: bytes, format: str) -> bytes:  # noqa: N802
        assert format == "PPM"
        return data


@pytest.mark.parametrize("end", ["<KeyPress-q>", "<KeyPress-Escape>", "WM_DELETE_WINDOW"])
def test_tk_s_window(monkeypatch, end):
    tk = Tk()
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    monkeypatch.setitem(sys.modules, "tkinter", tk)
    shown = window.open_window("camera 0")
    assert shown.picture(0.0, PICTURE)
    assert tk.shown == [b"P6 6 4 255\n" + PICTURE.tobytes()]
    assert (tk.root.text, tk.root.updates) == ("camera 0", 1)
    tk.root.bound[end]()
    assert not shown.picture(0.1, PICTURE)
    shown.close()
    assert tk.root.destroyed


def test_no_window(monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    monkeypatch.setitem(sys.modules, "tkinter", Tk(screen=False))
    with pytest.raises(UserError, match=r"--show: no window can be opened here \(no display name .*--output FILE\.mkv"):
        window.open_window("camera 0")
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(UserError, match=r"--show: .*Tk is missing .*python3-tk.*opencv-python.*--output FILE\.mkv"):
        window.open_window("camera 0")
