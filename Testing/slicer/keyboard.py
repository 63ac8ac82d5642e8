"""Keys as the system sends them: Qt's shortcuts do not hear events that are posted to a widget."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys


class Keyboard:
    """Presses keys through XTest on Linux and through user32 on Windows."""

    def __init__(self) -> None:
        self._display = None
        if sys.platform == "linux":
            names = [ctypes.util.find_library(name) for name in ("X11", "Xtst")]
            if all(names):
                self._x11, self._xtest = map(ctypes.CDLL, names)
                self._x11.XOpenDisplay.restype = ctypes.c_void_p
                self._x11.XStringToKeysym.restype = ctypes.c_ulong
                self._x11.XKeysymToKeycode.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
                self._x11.XFlush.argtypes = [ctypes.c_void_p]
                self._xtest.XTestFakeKeyEvent.argtypes = [
                    ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_ulong,
                ]  # fmt: skip
                self._display = self._x11.XOpenDisplay(None)

    def press(self, letter: str) -> bool:
        """Press and release a letter, with Shift for a capital; False where that is impossible."""
        if sys.platform == "win32":
            self._press_on_windows(letter)
            return True
        if not self._display:
            return False
        keys = (["Shift_L"] if letter.isupper() else []) + [letter.lower()]
        codes = [
            self._x11.XKeysymToKeycode(self._display, self._x11.XStringToKeysym(key.encode()))
            for key in keys
        ]
        for code, down in [(code, 1) for code in codes] + [(code, 0) for code in codes[::-1]]:
            self._xtest.XTestFakeKeyEvent(self._display, code, down, 0)
        self._x11.XFlush(self._display)
        return True

    @staticmethod
    def _press_on_windows(letter: str) -> None:
        shift, up = 0x10, 0x0002
        codes = ([shift] if letter.isupper() else []) + [ord(letter.upper())]
        for code in codes:
            ctypes.windll.user32.keybd_event(code, 0, 0, 0)  # type: ignore[attr-defined]
        for code in codes[::-1]:
            ctypes.windll.user32.keybd_event(code, 0, up, 0)  # type: ignore[attr-defined]
