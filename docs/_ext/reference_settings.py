"""Reads every setting, with type, default and limits, from the checked models."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from forecaster.config import Config
from forecaster.config.batch import BatchConfig

HEAD = "| setting | type | default | meaning |\n|---|---|---|---|\n"
PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    date: "date",
}
LIMITS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def run_settings() -> str:
    """Return every setting of a run."""
    return sections_of(Config)


def batch_settings() -> str:
    """Return every setting of a batch."""
    return sections_of(BatchConfig)


def sections_of(model: type[BaseModel]) -> str:
    """Return a table for each section of a settings file."""
    sections = list(walk(model, ""))
    return "".join(
        f"\n## {f'`[{name}]`' if name else 'At the top'}\n\n{said}\n\n{HEAD}"
        + "".join(row_of(*field) for field in fields)
        for name, said, fields in sections
    )


def walk(
    model: type[BaseModel], name: str
) -> Iterator[tuple[str, str, list[tuple[str, FieldInfo]]]]:
    """Yield sections by dotted name, with what they are and their own fields."""
    own, below = [], []
    for field, info in model.model_fields.items():
        inner, listed = model_in(info.annotation)
        if inner is None or name == "tuning":
            own.append((field, info))
        else:
            dotted = f"{name}.{field}" if name else field
            below.append((inner, f"[{dotted}]" if listed else dotted))
    said = (model.__doc__ or "").strip().partition("\n")[0]
    if own:
        yield name, said, own
    for inner, dotted in below:
        yield from walk(inner, dotted)


def model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the group of settings that a field holds, and whether it is a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    listed = typing.get_origin(annotation) is tuple
    for part in typing.get_args(annotation):
        inner, _ = model_in(part)
        if inner is not None:
            return inner, listed
    return None, False


def row_of(name: str, info: FieldInfo) -> str:
    """Return one setting as a row of its table."""
    limits = limits_of(info.metadata)
    kind = type_of(info.annotation) + (f", {limits}" if limits else "")
    return f"| `{name}` | {kind} | {default_of(info)} | {info.description} |\n"


def limits_of(metadata: list[Any]) -> str:
    """Return the bounds of a number, in words."""
    words = [
        f"{said} {bound:,}" if isinstance(bound, int) else f"{said} {bound:g}"
        for place in metadata
        for name, said in LIMITS
        if (bound := getattr(place, name, None)) is not None
    ]
    return ", ".join(words)


def type_of(annotation: Any) -> str:
    """Return the type of a value, in the words of a settings file."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin not in COMPOSED:
        raise TypeError(f"no words for {annotation!r}")
    return COMPOSED[origin](inner)


def either(kinds: tuple[Any, ...]) -> str:
    """Return the types of which a value has one."""
    words = [type_of(kind) for kind in kinds if kind is not type(None)]
    return " or ".join(dict.fromkeys(words))


COMPOSED = {
    Literal: lambda inner: ", ".join(f"`{choice}`" for choice in inner),
    typing.Annotated: lambda inner: type_of(inner[0]),
    tuple: lambda inner: f"list of: {type_of(inner[0])}",
    dict: lambda _: "table",
    typing.Union: either,
    types.UnionType: either,
}


def default_of(info: FieldInfo) -> str:
    """Return the default as a settings file would write it."""
    value = info.default
    if value is PydanticUndefined and info.default_factory is None:
        return "has to be given"
    if value is None or value is PydanticUndefined:
        return "none"
    return f"`{written(value)}`"


def written(value: Any) -> str:
    """Return a plain value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(written(part) for part in value)}]"
    return str(value)
