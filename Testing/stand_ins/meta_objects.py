"""Qt's own description of a class, also after an instance of it was deleted.

Shiboken gives ``obj.metaObject()`` to its object: when that is deleted, the Python wrapper of the
class's one QMetaObject is made invalid, and ``cls.staticMetaObject`` is the same wrapper
(PySide6 6.7 to 6.12). So the address is noted while no object lives yet.
"""

from collections.abc import Iterator
from types import ModuleType

import shiboken6
from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtUiTools, QtWidgets

QT_MODULES: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets, QtNetwork, QtSvg, QtUiTools)

QT6_MEMBERS: dict[str, set[str]] = {
    "QAction": {"associatedObjects"},
    "QAbstractItemView": {"updateThreshold", "setUpdateThreshold"},
    "QApplication": {"badgeNumber"},
    "QCheckBox": {"checkStateChanged"},
    "QColor": {"fromString", "isValidColorName"},
    "QComboBox": {"labelDrawingMode", "setLabelDrawingMode"},
    "QDateTime": {"isLocalTime"},
    "QFont": {"setFeature", "featureTags", "tagToString"},
    "QFontMetrics": {"fontDpi"},
    "QGuiApplication": {"setBadgeNumber"},
    "QIcon": {"ThemeIcon"},
    "QImage": {"flipped", "flip"},
    "QLayout": {"unsetContentsMargins"},
    "QMessageBox": {"options", "setOption", "setOptions", "testOption", "Option"},
    "QObject": {"bindableObjectName"},
    "QProcess": {"unixProcessParameters", "setUnixProcessParameters", "failUnixProcess"},
    "QProcessEnvironment": {"inheritsFromParent", "InheritFromParent"},
    "QShortcut": {"keys", "setKeys"},
    "QStringListModel": {"clearItemData"},
    "QStyleHints": {"colorScheme", "setColorScheme", "colorSchemeChanged"},
    "QTimer": {"id"},
    "QTreeWidget": {"setSupportedDragActions", "supportedDragActions"},
    "QTableWidget": {"setSupportedDragActions", "supportedDragActions"},
    "QListWidget": {"setSupportedDragActions", "supportedDragActions"},
    "QWidget": {"setScreen"},
}
"""Members marked "since 6.x" in Qt's documentation (doc.qt.io), as far as a panel meets them."""


def qobject_classes() -> Iterator[type]:
    """All QObject classes of the Qt modules in use."""
    for module in QT_MODULES:
        for name in dir(module):  # vars() lacks the classes that PySide6 makes on demand
            cls = getattr(module, name)
            if isinstance(cls, type) and issubclass(cls, QtCore.QObject):
                yield cls


_ADDRESSES = {
    cls: shiboken6.getCppPointer(cls.staticMetaObject)[0]
    for cls in qobject_classes()
    if shiboken6.isValid(cls.staticMetaObject)
}


def meta_object(cls: type) -> QtCore.QMetaObject:
    """The QMetaObject of a PySide6 class."""
    meta = cls.staticMetaObject
    if shiboken6.isValid(meta):
        return meta
    return shiboken6.wrapInstance(_ADDRESSES[cls], QtCore.QMetaObject)
