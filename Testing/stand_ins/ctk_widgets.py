"""Stand-ins for CTK's widgets. API: commontk/CTK, Libs/Widgets/<class>.h at 868d56c.

Every class gives the properties, signals, slots and Q_INVOKABLE methods of its header that a module
may use, and raises for anything else: Slicer generates no PythonQt wrapper for other public methods
of these classes, so ``collapsed = True`` works and ``setCollapsed(True)`` does not; and of the
constructors only the one that takes a parent (CTK, CMake/ctkWrapPythonQt.py).
``SIGNALS`` maps C++ signatures to attributes.
"""
# ruff: noqa: N801, N802, N815

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any

from PySide6.QtCore import Property, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QGroupBox,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QToolButton,
    QWidget,
)


class ctkCollapsibleButton(QAbstractButton):
    """ctkCollapsibleButton.h: a titled button whose children hide when it is collapsed."""

    contentsCollapsed = Signal(bool)
    SIGNALS = {"contentsCollapsed(bool)": "contentsCollapsed"}  # noqa: RUF012

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(collapsed=False, height=10, flat=False, hidden=[])
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setContentsMargins(0, self._title_height(), 0, 0)
        self.toggled.connect(lambda on: self._set_collapsed(not on))

    def _title_height(self) -> int:
        return self.fontMetrics().height() + 8

    def _set_collapsed(self, collapsed: bool) -> None:
        own = self._own
        if own.collapsed == bool(collapsed):
            return
        own.collapsed = bool(collapsed)
        self.setChecked(not own.collapsed)
        if own.collapsed:
            own.hidden = [w for w in self._contents() if not w.isHidden()]
            for widget in own.hidden:
                widget.hide()
            self.setMaximumHeight(self._title_height() + own.height)
        else:
            for widget in own.hidden:
                widget.show()
            self.setMaximumHeight(16777215)
        self.updateGeometry()
        QAbstractButton.update(self)
        self.contentsCollapsed(own.collapsed)

    def _contents(self) -> list[Any]:
        return [child for child in self.children() if isinstance(child, QWidget)]

    def sizeHint(self) -> QSize:
        layout = self.layout()
        title = QSize(self.fontMetrics().horizontalAdvance(self.text) + 40, self._title_height())
        if layout is None or self._own.collapsed:
            return title + QSize(0, self._own.height if self._own.collapsed else 0)
        return layout.totalSizeHint().expandedTo(title)

    def minimumSizeHint(self) -> QSize:
        layout = self.layout()
        if layout is None or self._own.collapsed:
            return QSize(40, self._title_height())
        return layout.totalMinimumSize()

    def hitButton(self, position: QPoint) -> bool:
        return position.y() < self._title_height()

    def paintEvent(self, event: Any) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect = QRect(0, 0, self.width, self._title_height())
        option.state |= QStyle.StateFlag.State_Raised
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = Qt.ArrowType.RightArrow if self._own.collapsed else Qt.ArrowType.DownArrow
        option.rect = QRect(6, 0, 12, self._title_height())
        element = (
            QStyle.PrimitiveElement.PE_IndicatorArrowRight
            if arrow == Qt.ArrowType.RightArrow
            else QStyle.PrimitiveElement.PE_IndicatorArrowDown
        )
        painter.drawPrimitive(element, option)
        title = QRect(24, 0, self.width - 26, self._title_height())
        painter.drawText(
            title, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text
        )

    def _set_height(self, height: int) -> None:
        self._own.height = height

    def _set_flat(self, flat: bool) -> None:
        self._own.flat = flat

    collapsed = Property(bool, lambda self: self._own.collapsed, _set_collapsed)
    collapsedHeight = Property(int, lambda self: self._own.height, _set_height)
    flat = Property(bool, lambda self: self._own.flat, _set_flat)


class ctkCollapsibleGroupBox(QGroupBox):
    """ctkCollapsibleGroupBox.h: a checkable group box whose check box collapses it."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(height=14, hidden=[])
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._expand)

    def _expand(self, on: bool) -> None:
        own = self._own
        if on:
            for widget in own.hidden:
                widget.show()
            self.setMaximumHeight(16777215)
        else:
            own.hidden = [w for w in self.children() if isinstance(w, QWidget) and not w.isHidden()]
            for widget in own.hidden:
                widget.hide()
            self.setMaximumHeight(self.fontMetrics().height() + own.height)

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    def _set_collapsed_height(self, height: int) -> None:
        self._own.height = height

    collapsed = Property(bool, lambda self: not self.checked, _set_collapsed)
    collapsedHeight = Property(int, lambda self: self._own.height, _set_collapsed_height)


class ctkPathLineEdit(QWidget):
    """ctkPathLineEdit.h: a combo box with the path and its history, and a browse button."""

    Dirs, Files, Drives, NoSymLinks = 0x001, 0x002, 0x004, 0x008
    AllEntries, TypeMask, Readable, Writable, Executable = 0x007, 0x00F, 0x010, 0x020, 0x040
    PermissionMask, Modified, Hidden, System, AccessMask = 0x070, 0x080, 0x100, 0x200, 0x3F0
    AllDirs, CaseSensitive, NoDotAndDotDot, NoDot, NoDotDot = 0x400, 0x800, 0x1000, 0x2000, 0x4000
    NoFilter = -1
    AdjustToContents, AdjustToContentsOnFirstShow, AdjustToMinimumContentsLength = 0, 1, 2

    validInputChanged = Signal(bool)
    currentPathChanged = Signal(str)
    SIGNALS = {  # noqa: RUF012
        "validInputChanged(bool)": "validInputChanged",
        "currentPathChanged(QString)": "currentPathChanged",
    }
    SLOTS = (
        "setCurrentPath(QString)", "browse()", "retrieveHistory()", "addCurrentPathToHistory()",
    )  # fmt: skip

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        combo = QComboBox(self)
        combo.setEditable(True)
        combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        combo.setMinimumContentsLength(0)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        button = QToolButton(self)
        button.setText("...")
        self._own = types.SimpleNamespace(
            combo=combo,
            button=button,
            label="",
            filters=self.AllEntries,
            names=[],
            key="",
            valid=False,
            length=0,
            policy=0,
            history=True,
            options=0,
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(combo)
        layout.addWidget(button)
        combo.editTextChanged.connect(self._edited)
        button.clicked.connect(self.browse)

    def _edited(self, text: str) -> None:
        """As ``updateHasValidInput``: currentPathChanged is for valid input alone, never ""."""
        own, path = self._own, Path(text)
        endings = re.findall(r"\*(\.\w+)", " ".join(own.names))
        kinds = own.filters or self.AllEntries
        valid = bool(text) and (
            (bool(kinds & self.Dirs) and path.is_dir())
            or (bool(kinds & self.Files) and path.is_file())
        )
        valid = valid and (not endings or path.suffix in endings)
        was, own.valid = own.valid, valid
        if valid:
            self.currentPathChanged(text)
        if valid != was:
            self.validInputChanged(valid)

    def comboBox(self) -> QComboBox:
        return self._own.combo

    def setCurrentPath(self, path: str) -> None:
        if not isinstance(path, str):
            raise ValueError(f"setCurrentPath wants a str, got {type(path).__name__}")
        self._own.combo.setEditText(path)

    def browse(self) -> None:
        from .dialogs import dialogs

        path = dialogs.run_static("ctkPathLineEdit.browse", (self._own.label, *self._own.names))
        if path:
            self.setCurrentPath(str(path))

    def addCurrentPathToHistory(self) -> None:
        if self.currentPath and self._own.combo.findText(self.currentPath) < 0:
            self._own.combo.insertItem(0, self.currentPath)

    def retrieveHistory(self) -> None:
        """Reads the settings; nothing here."""

    def _set(name: str) -> Any:  # type: ignore[misc]  # noqa: N805
        return lambda self, value: setattr(self._own, name, value)

    _set_label, _set_filters, _set_name_filters = _set("label"), _set("filters"), _set("names")
    _set_setting_key, _set_minimum_contents_length = _set("key"), _set("length")

    currentPath = Property(str, lambda self: self._own.combo.currentText, setCurrentPath, user=True)
    label = Property(str, lambda self: self._own.label, _set_label)
    filters = Property(int, lambda self: self._own.filters, _set_filters)
    options = Property(int, lambda self: self._own.options, _set("options"))
    nameFilters = Property("QStringList", lambda self: self._own.names, _set_name_filters)
    settingKey = Property(str, lambda self: self._own.key, _set_setting_key)
    minimumContentsLength = Property(
        int, lambda self: self._own.length, _set_minimum_contents_length
    )
    sizeAdjustPolicy = Property(int, lambda self: self._own.policy, _set("policy"))
    showBrowseButton = Property(
        bool,
        lambda self: not self._own.button.isHidden(),
        lambda self, on: self._own.button.setVisible(on),
    )
    showHistoryButton = Property(bool, lambda self: self._own.history, _set("history"))


class ctkComboBox(QComboBox):
    """ctkComboBox.h: a combo box with a text for when nothing is selected."""

    NeverScroll, AlwaysScroll, ScrollWithFocus, ScrollWithNoVScrollBar = range(4)
    returnRelease = Signal()
    SIGNALS = {"returnRelease()": "returnRelease"}  # noqa: RUF012

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(
            text="", icon=QIcon(), force=False, elide=Qt.TextElideMode.ElideNone, scroll=1
        )

    def _set_default_text(self, text: str) -> None:
        self._own.text = text
        self.setPlaceholderText(text)

    def setCurrentUserDataAsString(self, data: str) -> None:
        self.setCurrentIndex(self.findData(data))

    def _set(name: str) -> Any:  # type: ignore[misc]  # noqa: N805
        return lambda self, value: setattr(self._own, name, value)

    defaultText = Property(str, lambda self: self._own.text, _set_default_text)
    defaultIcon = Property(QIcon, lambda self: self._own.icon, _set("icon"))
    forceDefault = Property(bool, lambda self: self._own.force, _set("force"))
    elideMode = Property(Qt.TextElideMode, lambda self: self._own.elide, _set("elide"))
    scrollWheelEffect = Property(int, lambda self: self._own.scroll, _set("scroll"))
    currentUserDataAsString = Property(
        str, lambda self: str(self.currentData or ""), setCurrentUserDataAsString
    )


class ctkMenuButton(QPushButton):
    """ctkMenuButton.h: a push button whose right edge opens its menu."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)


class ctkCheckBox(QCheckBox):
    """ctkCheckBox.h: a check box that may show an icon for its indicator."""


class ctkMessageBox(QMessageBox):
    """ctkMessageBox.h: a message box with a "Don't show this message again" box."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(again=False, key="", visible=False)

    def _set(name: str) -> Any:  # type: ignore[misc]  # noqa: N805
        return lambda self, value: setattr(self._own, name, value)

    setDontShowAgain, _set_dont_show_again_settings_key = _set("again"), _set("key")
    _set_dont_show_again_visible = _set("visible")
    dontShowAgain = Property(bool, lambda self: self._own.again, setDontShowAgain)
    dontShowAgainSettingsKey = Property(
        str, lambda self: self._own.key, _set_dont_show_again_settings_key
    )
    dontShowAgainVisible = Property(
        bool, lambda self: self._own.visible, _set_dont_show_again_visible
    )


def _unused(*names: str) -> dict[str, type]:
    """Classes that parameterNodeWrapper names in its connectors and no module here may make."""

    def refuse(self: Any, *_: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no stand-in; write one")

    return {name: type(name, (QWidget,), {"__init__": refuse}) for name in names}


NO_STAND_IN = _unused(
    "ctkCheckablePushButton", "ctkColorPickerButton", "ctkDirectoryButton", "ctkDoubleRangeSlider",
    "ctkDoubleSlider", "ctkDoubleSpinBox", "ctkRangeWidget", "ctkSliderWidget",
)  # fmt: skip


def make() -> types.ModuleType:
    """The module ``ctk``."""
    module = types.ModuleType("ctk", __doc__)
    for name, value in {**globals(), **NO_STAND_IN}.items():
        if name.startswith("ctk"):
            setattr(module, name, value)
    return module
