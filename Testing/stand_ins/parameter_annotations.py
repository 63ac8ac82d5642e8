"""What a parameter's type is annotated with: limits, defaults, choices.

API: Slicer/Slicer at 583e9b3,
Base/Python/slicer/parameterNodeWrapper/{validators,default,guiConnectors}.py.
"""
# ruff: noqa: N815

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Validator:
    """Base of annotations that refuse values."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


class NotNone(Validator):
    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


@dataclass(frozen=True)
class IsInstance(Validator):
    classtype: Any

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type {self.classtype}, is {value!r}")


@dataclass(frozen=True)
class WithinRange(Validator):
    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} to {self.maximum}")


@dataclass(frozen=True)
class Minimum(Validator):
    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


@dataclass(frozen=True)
class Maximum(Validator):
    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


@dataclass(frozen=True)
class Choice(Validator):
    choices: Any

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass(frozen=True)
class Exclude(Validator):
    excludedValues: Any

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is excluded")


class Default:
    """Annotation: the value at first."""

    def __init__(self, value: Any = None, *, generator: Any = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


@dataclass(frozen=True)
class Decimals:
    value: int


@dataclass(frozen=True)
class SingleStep:
    value: float
