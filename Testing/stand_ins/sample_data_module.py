"""Slicer's Sample Data module as far as registering goes.

API: Slicer/Slicer at 583e9b3, Modules/Scripted/SampleData/SampleData.py (SampleDataSource,
SampleDataLogic.registerCustomSampleDataCategory and registerCustomSampleDataSource; a button of
the module calls ``source.customDownloader(source)``).
"""
# ruff: noqa: N802

import types
from collections import namedtuple
from typing import Any

_FIELDS = ("sampleName", "uris", "fileNames", "nodeNames", "customDownloader", "thumbnailFileName")
SampleDataSource = namedtuple("SampleDataSource", _FIELDS, defaults=(None, None))


class SampleDataLogic:
    sources: dict[str, list[SampleDataSource]] = {}  # noqa: RUF012
    titles: dict[str, str] = {}  # noqa: RUF012

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        SampleDataLogic.titles[category] = title

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **given: Any) -> None:
        if not isinstance(given["uris"], str):
            raise TypeError("this stand-in takes one URI, as text")  # Slicer takes lists too
        lists = {name: (given[name],) for name in ("uris", "fileNames", "nodeNames")}
        source = SampleDataSource(**given | lists)
        sources = SampleDataLogic.sources.setdefault(category, [])
        if source not in sources:
            sources.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        sources = SampleDataLogic.sources
        return sources if category is None else sources.get(category, [])


def make() -> types.ModuleType:
    """The module ``SampleData``, with nothing registered."""
    module = types.ModuleType("SampleData", __doc__)
    SampleDataLogic.sources, SampleDataLogic.titles = {}, {}
    module.SampleDataLogic, module.SampleDataSource = SampleDataLogic, SampleDataSource
    return module
