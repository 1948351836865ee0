"""The base of all groups of settings: frozen, and strict about names and types."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_stray_truth_values(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `true` for a number, and a number for a truth value."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if kind is bool and not isinstance(value, bool):
            raise ValueError(f"input should be true or false, got {value!r}")
        if kind is not bool and isinstance(value, bool):
            raise ValueError(f"input should be a number, a text or a list, got {value}")
        return value
