"""Slicer's Sample Data module as far as registering goes.

API: Slicer/Slicer at 583e9b3, Modules/Scripted/SampleData/SampleData.py (SampleDataSource,
SampleDataLogic.registerCustomSampleDataCategory and registerCustomSampleDataSource; a button of
the module calls ``source.customDownloader(source)``).
"""
# ruff: noqa: N802, N803, N815

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SampleDataSource:
    sampleName: str
    uris: tuple[str, ...]
    fileNames: tuple[Any, ...]
    nodeNames: tuple[Any, ...]
    customDownloader: Any = None
    thumbnailFileName: str | None = None


class SampleDataLogic:
    sources: dict[str, list[SampleDataSource]] = {}  # noqa: RUF012
    titles: dict[str, str] = {}  # noqa: RUF012

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        SampleDataLogic.titles[category] = title

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
    ) -> None:
        if not isinstance(uris, str):
            raise TypeError("this stand-in takes one URI, as text")  # Slicer takes lists too
        texts, more = (str(sampleName), (uris,)), (customDownloader, thumbnailFileName)
        source = SampleDataSource(*texts, (fileNames,), (nodeNames,), *more)
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
