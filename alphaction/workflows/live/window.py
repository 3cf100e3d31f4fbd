"""A window that shows pictures: OpenCV's where OpenCV has one, else Tk's, which comes with most Pythons."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol

import cv2
import numpy as np

from alphaction.utils.errors import UserError
from alphaction.utils.imports import install

_END_CODES = tuple(map(ord, "qQ\x1b"))


class Window(Protocol):
    """Shows one picture after the other."""

    def picture(self, time: float, image: np.ndarray) -> bool:
        """Show a picture, uint8 [H, W, 3] RGB; return False if q or Escape was pressed, or the window closed."""

    def close(self) -> None:
        """Close it."""


def open_window(title: str) -> Window:
    """Return a window.

    Raises:
        UserError: none can be opened here; says why and what to do.
    """
    # opencv-python-headless, which this package requires, has no window; who has opencv-python has one.
    if cv2.currentUIFramework():
        return OpenCVWindow(title)
    try:
        import tkinter
    except ImportError as error:
        raise UserError(
            f"--show: there is no window to show frames in: OpenCV was installed without one, and Tk is missing "
            f"({error}). Install Tk (apt install python3-tk), or another OpenCV: "
            f"{install('--force-reinstall', '--no-deps', 'opencv-python')}. Or write a video that plays meanwhile: "
            "--output FILE.mkv in place of --show."
        ) from error
    try:
        return TkWindow(title, tkinter)
    except tkinter.TclError as error:
        raise UserError(
            f"--show: no window can be opened here ({error}). On a machine without a screen, write a video that plays "
            "meanwhile: --output FILE.mkv in place of --show."
        ) from error


class OpenCVWindow:
    """OpenCV's window; see :class:`Window`."""

    def __init__(self, title: str) -> None:
        self._title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def picture(self, time: float, image: np.ndarray) -> bool:
        """Show a picture; see :class:`Window`."""
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        return pressed not in _END_CODES and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close it."""
        cv2.destroyAllWindows()


class TkWindow:
    """A window of Tk; see :class:`Window`.

    Args:
        title: of the window.
        tkinter: the module.

    Raises:
        TclError: there is no screen.
    """

    def __init__(self, title: str, tkinter: ModuleType) -> None:
        self._tkinter = tkinter
        self._root = tkinter.Tk()
        self._root.title(title)
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._photo: Any = None  # Tk shows nothing once Python has dropped it
        self._open = True
        for key in ("q", "Q", "Escape"):
            self._root.bind(f"<KeyPress-{key}>", self._end)
        self._root.protocol("WM_DELETE_WINDOW", self._end)

    def picture(self, time: float, image: np.ndarray) -> bool:
        """Show a picture; see :class:`Window`."""
        header = f"P6 {image.shape[1]} {image.shape[0]} 255\n".encode()
        self._photo = self._tkinter.PhotoImage(data=header + image.tobytes(), format="PPM")
        self._label.configure(image=self._photo)
        self._root.update()
        return self._open

    def close(self) -> None:
        """Close it."""
        self._root.destroy()

    def _end(self, event: Any = None) -> None:
        self._open = False
