"""A result, and drawing in 3D only where it is looked at."""

import pytest

from InnerEarSegLib.mrml.files import write_scene

from .subjects import truth_of


@pytest.fixture(scope="session")
def result_folder(synthetic_ear, tmp_path_factory):
    """As ``innerearseg segment`` leaves it, but that the ear is the generator's truth."""
    folder = tmp_path_factory.mktemp("result")
    write_scene(synthetic_ear.ct, truth_of(synthetic_ear), folder)
    return folder


@pytest.fixture
def in_3d():
    """Ask for the pictures in 3D."""


@pytest.fixture(autouse=True)
def flat(request, monkeypatch):
    """Spare the process that draws in 3D, but for tests that ask for it."""
    if "in_3d" not in request.fixturenames:
        monkeypatch.setattr("InnerEarSegLib.report.views.draw_in_child", lambda *_: "")
