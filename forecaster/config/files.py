"""Settings files: TOML in with clear refusals, resolved TOML out."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import BaseModel, ValidationError

from forecaster.config.places import find_data_from
from forecaster.config.settings import Config
from forecaster.config.tuning import Range
from forecaster.errors import ConfigError
from forecaster.resources import resource_folder

Checked = TypeVar("Checked", bound=BaseModel)
# Settings of another kind lie beside those of runs.
BATCHES = "batch"
PRICE_FILES = (".csv", ".parquet", ".pq")


def load_config(
    source: str | Path = "google", overrides: Iterable[str] | Mapping[str, Any] = ()
) -> Config:
    """Load settings by name or from a TOML file, then apply overrides.

    Parameters
    ----------
    source
        A name of the shipped set (see `list_configs`) or the path of a TOML file.
    overrides
        Strings such as ``"window.lookback=30"`` or ``"model.layers.0.units=10"``.
        The value is read as TOML, and as plain text if it is not. Or values by
        setting, such as ``{"window.lookback": 30}``.

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, or a setting is unknown or out of range.

    Examples
    --------
    >>> load_config("google", ["data.target=open"]).data.target
    'open'
    """
    path = find_config(source)
    settings = read_toml(path)
    settings.setdefault("name", path.stem)
    find_data_from(path.parent, settings)
    if isinstance(overrides, Mapping):
        for name, value in overrides.items():
            _set_value(settings, name, value)
        return config_from_dict(settings)
    for override in [overrides] if isinstance(overrides, str) else overrides:
        apply_override(settings, override)
    return config_from_dict(settings)


def list_configs() -> tuple[str, ...]:
    """Return the names of the settings files that are shipped."""
    names = sorted(path.stem for path in resource_folder("configs").glob("*.toml"))
    return tuple(name for name in names if not name.startswith(BATCHES))


def config_from_dict(settings: Mapping[str, Any]) -> Config:
    """Check plain settings and return them as a `Config`.

    Raises
    ------
    ConfigError
        With one line for each setting that is unknown or out of range.
    """
    config = check_settings(Config, settings)
    _check_space(config)
    return config


def check_settings(kind: type[Checked], settings: Mapping[str, Any]) -> Checked:
    """Check plain settings and return them as a model of their kind.

    Raises
    ------
    ConfigError
        With one line for each setting that is unknown or out of range.
    """
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        lines = [_explain(problem, kind) for problem in error.errors()]
        raise ConfigError("; ".join(lines)) from None


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """Return settings with some values changed by dotted name, and no search.

    Raises
    ------
    ConfigError
        If a setting is unknown or out of range.

    Examples
    --------
    >>> with_values(Config(), {"window.lookback": 7}).window.lookback
    7
    """
    settings = _lists(config.resolved())
    settings.pop("tuning")
    for name, value in values.items():
        _set_value(settings, name, value)
    return config_from_dict(settings)


def dump_config(config: Config) -> str:
    """Return the resolved settings, defaults included, as TOML."""
    return tomli_w.dumps(config.resolved())


def find_config(source: str | Path) -> Path:
    """Return the path of a settings file given by name or by path."""
    path = Path(source)
    if path.suffix.lower() in PRICE_FILES:
        raise ConfigError(
            f"{source} holds prices, not settings. Give it with `--csv`, as in "
            f"`forecaster train own-close --csv {source}`; in Python, to `load_prices`."
        )
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise ConfigError(f"{path}: no such settings file. {_shipped()}")
        return path
    shipped = resource_folder("configs") / f"{source}.toml"
    if not shipped.is_file():
        raise ConfigError(
            f"no settings are called '{source}'{_near(str(source), list_configs())} "
            f"{_shipped()} Give one of these names, or the path of a .toml file."
        )
    return shipped


def apply_override(settings: dict[str, Any], override: str) -> None:
    """Change one plain setting in place, as ``a.b=value`` says."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"cannot read '{override}': want section.setting=value, "
            "for example window.lookback=30"
        )
    _set_value(settings, key, _parse_value(text.strip()))


def _set_value(settings: dict[str, Any], key: str, value: Any) -> None:
    parts = key.strip().split(".")
    place: Any = settings
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if not following:
            _assign(place, part, value, key)
        else:
            place = _descend(place, part, key, listed=following.isdecimal())


def _check_space(config: Config) -> None:
    """Refuse a search of a setting that does not exist or cannot take its values."""
    probes = {
        name: list(values.probes()) if isinstance(values, Range) else list(values)
        for name, values in config.tuning.space.items()
    }
    first = {name: values[0] for name, values in probes.items()}
    for name, values in probes.items():
        for value in values:
            try:
                with_values(config, first | {name: value})
            except ConfigError as error:
                raise ConfigError(
                    f"tuning.space: {name} cannot be {value!r}: {error}"
                ) from None


def _lists(value: Any) -> Any:
    """Return plain settings whose sequences can be changed."""
    if isinstance(value, dict):
        return {name: _lists(inner) for name, inner in value.items()}
    return [_lists(inner) for inner in value] if isinstance(value, tuple) else value


def _descend(place: Any, part: str, key: str, *, listed: bool) -> Any:
    if isinstance(place, list):
        return place[_position(place, part, key)]
    if not isinstance(place, dict):
        raise ConfigError(f"{key}: '{part}' is not a section")
    if listed and part not in place:
        place[part] = _default_list(key, part)
    return place.setdefault(part, {})


def _assign(place: Any, part: str, value: Any, key: str) -> None:
    if isinstance(place, list):
        place[_position(place, part, key)] = value
    elif isinstance(place, dict):
        place[part] = value
    else:
        raise ConfigError(f"{key}: '{part}' is not a section")


def _default_list(key: str, part: str) -> list[Any]:
    """Return the default of a list setting, so that one entry can be changed."""
    if key.startswith("model.layers.") and part == "layers":
        return list(Config().resolved()["model"]["layers"])
    raise ConfigError(f"{key}: '{part}' is not a list")


def _position(place: list[Any], part: str, key: str) -> int:
    if not part.isdecimal() or int(part) >= len(place):
        raise ConfigError(
            f"{key}: want a position from 0 to {len(place) - 1}, got '{part}'"
        )
    return int(part)


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def read_toml(path: Path) -> dict[str, Any]:
    """Return the plain settings of a file.

    Raises
    ------
    ConfigError
        If it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _explain(problem: Any, kind: type[BaseModel]) -> str:
    """Turn one finding of pydantic into a sentence that names the setting."""
    place = [str(part) for part in problem["loc"]]
    name = ".".join(place) or "settings"
    if problem["type"] == "extra_forbidden":
        known = _known_names(place[:-1], kind)
        return (
            f"{name}: unknown setting{_near(place[-1], known)} Known here: "
            f"{', '.join(known)}"
        )
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{name}: {message}" if place else message
    return f"{name}: {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def _known_names(place: list[str], kind: type[BaseModel]) -> list[str]:
    """Return the settings known at a place such as ``["model", "layers", "0"]``."""
    model = kind
    for part in place:
        if part.isdecimal():
            continue
        annotation: Any = model.model_fields[part].annotation
        for inner in (annotation, *getattr(annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return list(model.model_fields)


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else "."


def _shipped() -> str:
    return f"Shipped settings: {', '.join(list_configs())}."
