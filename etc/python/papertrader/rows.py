"""Lists of records, which become data frames where pandas or polars is installed."""

from __future__ import annotations

import dataclasses
import importlib
from decimal import Decimal
from typing import Any, Dict, List, Tuple, TypeVar

T = TypeVar("T")


def _flat(prefix: str, value: Any) -> Dict[str, Any]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return {prefix: value}
    found: Dict[str, Any] = {}
    for field in dataclasses.fields(value):
        name = f"{prefix}_{field.name}" if prefix else field.name
        found.update(_flat(name, getattr(value, field.name)))
    return found


class Rows(Tuple[T, ...]):
    """A tuple of records, such as bars or transactions."""

    def to_dicts(self) -> List[Dict[str, Any]]:
        """A dictionary a record; a record inside it becomes names with its own in front."""
        return [_flat("", row) for row in self]

    def _columns(self, exact: bool) -> Dict[str, List[Any]]:
        columns: Dict[str, List[Any]] = {}
        rows = self.to_dicts()
        for row in rows:
            for name in row:
                columns.setdefault(name, [])
        for name, values in columns.items():
            for row in rows:
                value = row.get(name)
                values.append(float(value) if isinstance(value, Decimal) and not exact else value)
        return columns

    def to_pandas(self, exact: bool = False) -> Any:
        """A pandas.DataFrame. Amounts are floats, to be computed with; with `exact` Decimals.

        Raises ImportError where pandas is not installed.
        """
        return importlib.import_module("pandas").DataFrame(self._columns(exact))

    def to_polars(self, exact: bool = False) -> Any:
        """A polars.DataFrame. Amounts are floats, to be computed with; with `exact` decimals.

        Raises ImportError where polars is not installed.
        """
        frame = importlib.import_module("polars").DataFrame
        # A column in which the first rows have no value gets its type from the later ones.
        return frame(self._columns(exact), infer_schema_length=None, strict=False)
