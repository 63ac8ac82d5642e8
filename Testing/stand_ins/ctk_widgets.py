"""Stand-ins for CTK's widgets. API: commontk/CTK, Libs/Widgets/<class>.h at 868d56c.

Every class gives the properties, signals, slots and Q_INVOKABLE methods of its header that a module
may use, and raises for anything else: Slicer generates no PythonQt wrapper for other public methods
of these classes, so ``collapsed = True`` works and ``setCollapsed(True)`` does not; and of the
constructors only the one that takes a parent (CTK, CMake/ctkWrapPythonQt.py).
``SIGNALS`` maps C++ signatures to attributes.
"""
# ruff: noqa: N801, N802, N815

import re
import types
from pathlib import Path
from typing import Any

from PySide6.QtCore import Property, QEvent, QPoint, QRect, QSize, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QToolButton,
    QWidget,
)


def tight(layout: Any, *widgets: QWidget) -> None:
    """Widgets in a layout without margins or gaps."""
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget)


_COLLAPSED = 10
"""Height of a collapsed section below its title."""


class ctkCollapsibleButton(QAbstractButton):
    """ctkCollapsibleButton.h: a titled button whose children hide when it is collapsed."""

    contentsCollapsed = Signal(bool)
    SIGNALS = {"contentsCollapsed(bool)": "contentsCollapsed"}  # noqa: RUF012

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(collapsed=False, hidden=[], forcing=False)
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
        own.forcing = True
        if own.collapsed:
            own.hidden = [w for w in self.children() if isinstance(w, QWidget) and not w.isHidden()]
        for widget in own.hidden:
            widget.setVisible(not own.collapsed)
        own.forcing = False
        self.setMaximumHeight(self._title_height() + _COLLAPSED if own.collapsed else 16777215)
        self.updateGeometry()
        QAbstractButton.update(self)
        self.contentsCollapsed(own.collapsed)

    def childEvent(self, event: Any) -> None:
        if event.type() == QEvent.Type.ChildAdded and isinstance(event.child(), QWidget):
            event.child().installEventFilter(self)
        super().childEvent(event)

    def eventFilter(self, child: Any, event: Any) -> bool:
        """What is shown while it is collapsed appears when it is opened, as in CTK."""
        own = self._own
        if own.forcing or not own.collapsed:
            return False
        if event.type() == QEvent.Type.ShowToParent:
            own.forcing = True
            child.setVisible(False)
            own.forcing = False
            own.hidden = [*(w for w in own.hidden if w is not child), child]
        elif event.type() == QEvent.Type.HideToParent:
            own.hidden = [w for w in own.hidden if w is not child]
        return False

    def sizeHint(self) -> QSize:
        layout = self.layout()
        title = QSize(self.fontMetrics().horizontalAdvance(self.text) + 40, self._title_height())
        if layout is None or self._own.collapsed:
            return title + QSize(0, _COLLAPSED if self._own.collapsed else 0)
        return layout.totalSizeHint().expandedTo(title)

    def minimumSizeHint(self) -> QSize:
        if self.layout() is None or self._own.collapsed:
            return QSize(40, self._title_height())
        return self.layout().totalMinimumSize()

    def hitButton(self, position: QPoint) -> bool:
        return position.y() < self._title_height()

    def paintEvent(self, event: Any) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect = QRect(0, 0, self.width, self._title_height())
        option.state |= QStyle.StateFlag.State_Raised
        option.text = ("▸ " if self._own.collapsed else "▾ ") + self.text
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)

    collapsed = Property(bool, lambda self: self._own.collapsed, _set_collapsed)


def _stored(kind: Any, name: str) -> Any:
    """A property that is only kept."""
    return Property(
        kind,
        lambda self: getattr(self._own, name),
        lambda self, value: setattr(self._own, name, value),
    )


class ctkPathLineEdit(QWidget):
    """ctkPathLineEdit.h and .cpp: a combo box with the path, and a browse button."""

    Dirs, Files, AllEntries, Readable = 0x001, 0x002, 0x007, 0x010

    validInputChanged = Signal(bool)
    currentPathChanged = Signal(str)
    SIGNALS = {  # noqa: RUF012
        "validInputChanged(bool)": "validInputChanged",
        "currentPathChanged(QString)": "currentPathChanged",
    }
    SLOTS = ("setCurrentPath(QString)",)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        combo = QComboBox(self)
        combo.setEditable(True)
        combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        button = QToolButton(self)
        button.setText("...")
        self._own = types.SimpleNamespace(
            combo=combo, label="", filters=self.AllEntries, names=[], valid=False
        )
        tight(QHBoxLayout(self), combo, button)
        combo.editTextChanged.connect(self._edited)

    def _edited(self, text: str) -> None:
        """As ``updateHasValidInput``: currentPathChanged is for valid input alone, never ""."""
        own, path = self._own, Path(text)
        endings = re.findall(r"\*(\.\w+)", " ".join(own.names))
        fits = (own.filters & self.Dirs and path.is_dir()) or (
            own.filters & self.Files and path.is_file()
        )
        valid = bool(text and fits and (not endings or path.suffix in endings))
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

    currentPath = Property(str, lambda self: self._own.combo.currentText, setCurrentPath, user=True)
    label, filters = _stored(str, "label"), _stored(int, "filters")
    nameFilters = _stored("QStringList", "names")


def unused(*names: str) -> dict[str, type]:
    """Classes that parameterNodeWrapper names in its connectors and no module here may make."""

    def refuse(self: Any, *_: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no stand-in; write one")

    return {name: type(name, (QWidget,), {"__init__": refuse}) for name in names}


NO_STAND_IN = unused(
    "ctkCheckBox", "ctkComboBox", "ctkMessageBox", "ctkCheckablePushButton", "ctkColorPickerButton",
    "ctkDirectoryButton", "ctkDoubleRangeSlider", "ctkDoubleSlider",
    "ctkDoubleSpinBox", "ctkRangeWidget", "ctkSliderWidget",
)  # fmt: skip


def make() -> types.ModuleType:
    """The module ``ctk``."""
    module, names = types.ModuleType("ctk", __doc__), {**globals(), **NO_STAND_IN}
    vars(module).update({n: value for n, value in names.items() if n.startswith("ctk")})
    return module
