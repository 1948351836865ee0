"""Settings of the network: its layers, its shape and what it puts out."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from forecaster.config.base import Fraction, Settings

Activation = Literal[
    "tanh", "linear", "relu", "elu", "selu", "gelu", "softsign", "sigmoid"
]
Initializer = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
    "lecun_uniform", "lecun_normal", "orthogonal", "random_normal",
]  # fmt: skip
Shape = Literal[
    "sequence_to_vector",
    "sequence_to_sequence",
    "vector_to_sequence",
    "encoder_decoder",
]
Head = Literal["point", "quantiles", "student_t", "direction"]
Level = Annotated[float, Field(gt=0.0, lt=1.0)]


class LayerConfig(Settings):
    """One recurrent layer and the dropout behind it."""

    cell: Literal["lstm", "gru", "simple_rnn"] = Field("lstm", description="Cell.")
    units: int = Field(50, ge=1, le=4096, description="Units of the layer.")
    dropout: Fraction = Field(0.2, description="Share of outputs dropped in training.")
    recurrent_dropout: Fraction = Field(
        0.0, description="Share of the state dropped between steps in training."
    )
    activation: Activation = Field("tanh", description="Activation of the state.")
    kernel_initializer: Initializer = Field(
        "glorot_uniform", description="First weights on the inputs."
    )
    recurrent_initializer: Initializer = Field(
        "orthogonal", description="First weights on the state."
    )
    bidirectional: bool = Field(
        False, description="Read the window in both directions, each with `units`."
    )
    normalization: Literal["none", "batch", "layer"] = Field(
        "none", description="Normalisation of the layer's outputs."
    )
    residual: bool = Field(False, description="Add the layer's inputs to its outputs.")


class ConvolutionConfig(Settings):
    """A causal convolution in front of the recurrent layers."""

    filters: int = Field(32, ge=1, le=4096, description="Filters.")
    kernel_size: int = Field(5, ge=1, le=500, description="Sessions in a filter.")
    activation: Activation = Field("relu", description="Activation.")


class ModelConfig(Settings):
    """The network: recurrent layers, then a dense layer that puts the forecast out."""

    shape: Shape = Field(
        "sequence_to_vector",
        description=(
            "sequence_to_vector forecasts all steps from the last state; "
            "sequence_to_sequence forecasts the next value at every session; "
            "vector_to_sequence unrolls the last session alone; encoder_decoder "
            "feeds each forecast back into a decoder."
        ),
    )
    layers: tuple[LayerConfig, ...] = Field(
        (LayerConfig(),) * 4, min_length=1, max_length=32, description="Bottom first."
    )
    convolution: ConvolutionConfig | None = Field(
        None, description="A convolution in front."
    )
    teacher_forcing: bool = Field(
        True, description="Train an encoder_decoder on real values, not on forecasts."
    )
    head: Head = Field(
        "point",
        description="point, quantiles, student_t, or direction (probability of up).",
    )
    quantiles: tuple[Level, ...] = Field(
        (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975),
        min_length=1,
        max_length=99,
        description="Quantiles that the quantile and Student-t heads give.",
    )
    spread_shortcut: bool = Field(
        False,
        description="Let the newest inputs scale the distances of the quantiles from "
        "the median directly, around the recurrent layers.",
    )
    head_penalty: float = Field(
        0.0,
        ge=0.0,
        le=1000.0,
        description="L2 penalty on the weights of the last layer, not its bias: the "
        "larger, the nearer all forecasts lie to one another.",
    )
    ticker_embedding: int = Field(
        0, ge=0, le=256, description="Numbers learnt for each ticker; 0 for none."
    )
    members: int = Field(
        1, ge=1, le=100, description="Networks with other seeds, averaged."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(low >= high for low, high in pairwise(self.quantiles)):
            raise ValueError("quantiles must increase and not repeat")
        if self.has_quantiles and 0.5 not in self.quantiles:  # noqa: PLR2004
            raise ValueError("quantiles must contain 0.5: the median is the forecast")
        if self.spread_shortcut and not (
            self.has_quantiles and self.shape == "sequence_to_vector"
        ):
            raise ValueError(
                "spread_shortcut scales the quantiles of shape sequence_to_vector, got "
                f"head {self.head} of shape {self.shape}: set head to quantiles or "
                "student_t and leave shape out, or leave spread_shortcut out"
            )
        if self.shape == "encoder_decoder" and self.head == "direction":
            raise ValueError(
                "encoder_decoder cannot feed a direction back as a value: choose "
                "shape sequence_to_vector or another head"
            )
        if self.shape == "encoder_decoder" and self.is_bidirectional:
            raise ValueError(
                "encoder_decoder hands each layer's final state on, and a "
                "bidirectional layer has two: leave `bidirectional` out"
            )
        if self.shape == "sequence_to_sequence" and self.is_bidirectional:
            raise ValueError(
                "sequence_to_sequence forecasts the next value at every session, which "
                "a bidirectional layer has already read: leave `bidirectional` out"
            )
        if self.shape == "vector_to_sequence" and self.is_bidirectional:
            raise ValueError(
                "vector_to_sequence unrolls step by step, and a bidirectional layer "
                "would read later steps first: leave `bidirectional` out"
            )
        if self.shape == "vector_to_sequence" and self.convolution:
            raise ValueError("vector_to_sequence reads one session: no convolution")
        return self

    @property
    def has_quantiles(self) -> bool:
        """Whether the network says how uncertain it is."""
        return self.head in ("quantiles", "student_t")

    @property
    def is_bidirectional(self) -> bool:
        """Whether a layer reads backwards."""
        return any(layer.bidirectional for layer in self.layers)
