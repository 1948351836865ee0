"""Mutations: a good JSON value with something strange somewhere inside."""

import copy

from hypothesis import strategies as st

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**20), max_value=10**20),
    st.floats(),
    st.text(max_size=8),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=5,
)


def mutate(value, steps):
    """Replace, for each `(choice, replacement)`, one place inside a copy of a value."""
    value = copy.deepcopy(value)
    for choice, replacement in steps:
        places = list(find_places(value))
        if not places:
            return replacement
        container, key = places[choice % len(places)]
        container[key] = replacement
    return value


def find_places(value):
    """Yield every place in nested lists and objects, as a container and a key.

    Of a long list only both ends are offered, so that the rest has a chance.
    """
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = sorted({0, 1, len(value) - 1} & set(range(len(value))))
    else:
        return
    for key in keys:
        yield value, key
        yield from find_places(value[key])
