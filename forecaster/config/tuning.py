"""Settings of a search: which settings are tried, with which values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

Number = Annotated[StrictInt | StrictFloat, Field(allow_inf_nan=False)]
# What a search may not choose, and why.
FIXED = {
    "name": "it changes nothing that can be scored",
    "tuning": "a search cannot search itself",
    "data": "scores on other prices cannot be compared",
    "evaluation": "the test range is never seen by a search",
    "training.start": "scores on other dates cannot be compared",
    "training.end": "scores on other dates cannot be compared",
    "training.seed": "the best of several seeds is luck",
    "window.horizon": "forecasts of other lengths cannot be compared",
}


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(_Settings):
    """Numbers from `low` to `high`, both included; whole if all of them are.

    Examples
    --------
    >>> list(Range(low=8, high=64, step=8).probes())
    [8, 64]
    """

    low: Number = Field(description="Smallest value.")
    high: Number = Field(description="Largest value.")
    log: bool = Field(False, description="Try orders of magnitude evenly.")
    step: Number | None = Field(None, description="Distance between values.")

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number."""
        numbers = (self.low, self.high, 1 if self.step is None else self.step)
        return all(isinstance(number, int) for number in numbers)

    def probes(self) -> Iterator[Any]:
        """Yield values that show whether a setting can take those of the range."""
        yield self.low
        if not self.whole:
            inner = self.low + (self.high - self.low) * 0.381966
            yield inner if self.step is None else self.low + self.step
        yield self.high

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be less than high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"with log, low must be above 0, got {self.low}")
        if self.step is not None:
            self._check_step(Decimal(str(self.step)))
        return self

    def _check_step(self, step: Decimal) -> None:
        if self.log:
            raise ValueError("log and step exclude each other")
        if step <= 0:
            raise ValueError(f"step must be above 0, got {step}")
        low, high = Decimal(str(self.low)), Decimal(str(self.high))
        if (high - low) % step:
            reached = high - (high - low) % step
            raise ValueError(
                f"steps of {step} from {low} do not end on high ({high}): the last "
                f"is {reached}"
            )


Choices = Annotated[tuple[Any, ...], Field(min_length=1)]


class TuningConfig(_Settings):
    """A search for better settings, inside the training range alone."""

    n_folds: int = Field(
        1,
        ge=1,
        le=100,
        description="Parts of the validation slice, each scored after training on "
        "everything before it.",
    )
    validation_fraction: float = Field(
        0.2,
        gt=0.0,
        lt=1.0,
        description="Share of training sessions, from the end, that scores a trial.",
    )
    space: dict[str, Range | Choices] = Field(
        default_factory=dict,
        description="Settings to try, by dotted name: a list of choices, or a table "
        "of low, high, log and step.",
    )

    @field_validator("space", mode="before")
    @classmethod
    def _read_space(cls, space: Any) -> Any:
        if not isinstance(space, Mapping):
            raise ValueError(
                'want a table of names and values, such as "window.lookback" = [20, 60]'
            )
        names = [str(name) for name in space]
        for name in names:
            _check_name(name, names)
        return {str(name): _values(str(name), value) for name, value in space.items()}


def _check_name(name: str, names: list[str]) -> None:
    if "." not in name and name not in FIXED:
        raise ValueError(
            f"'{name}' names no single setting: write the dotted name in quotes, such "
            'as "window.lookback"'
        )
    for fixed, reason in FIXED.items():
        if name == fixed or name.startswith(f"{fixed}."):
            raise ValueError(f"{name} cannot be searched: {reason}")
    inside = [other for other in names if other.startswith(f"{name}.")]
    if inside:
        raise ValueError(f"{name} and {inside[0]} overlap: search one of them")


def _values(name: str, value: Any) -> Any:
    if isinstance(value, Range):
        return value
    if isinstance(value, Mapping):
        try:
            return Range.model_validate(dict(value))
        except ValidationError as error:
            problem = error.errors()[0]
            place = f"{problem['loc'][0]}: " if problem["loc"] else ""
            said = str(problem["msg"]).removeprefix("Value error, ")
            raise ValueError(
                f"{name}: {place}{said[0].lower()}{said[1:]}; want low, high and, if "
                "need be, log or step"
            ) from None
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(
            f"{name}: want a list of choices or a table of low and high, got {value!r}"
        )
    texts = [json.dumps(choice, default=str) for choice in value]
    if len(set(texts)) < len(texts):
        raise ValueError(f"{name}: choices are repeated: {', '.join(texts)}")
    return tuple(value)
