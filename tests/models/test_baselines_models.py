"""Fitted baselines against statsmodels, arch and scikit-learn, one at a time."""

import warnings

import numpy as np
import pytest

from forecaster.models.baselines import Scene, make_baseline
from forecaster.models.baselines.garch import GarchModel, fit_garch
from forecaster.models.baselines.scene import Question
from forecaster.models.baselines.statespace import RandomWalk, fit_arima, fit_ets

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
QUESTION = Question(LEVELS, 5, 0)
N_TRAINING = 600
PLACES = np.array([N_TRAINING - 1, 640, 700, 790])


@pytest.fixture(scope="module")
def prices():
    """Prices whose returns follow GARCH(1,1) with t errors."""
    return garch_prices(800, seed=0)


def garch_prices(n_sessions, seed):
    random = np.random.default_rng(seed)
    errors = random.standard_t(6, n_sessions) * np.sqrt(4 / 6)
    variance, returns = 2.0, []
    for error in errors:
        returns.append(0.05 + np.sqrt(variance) * error)
        variance = 0.1 + 0.1 * (returns[-1] - 0.05) ** 2 + 0.85 * variance
    return 100 * np.exp(np.cumsum(returns) / 100)


def scene_at(prices, places):
    return Scene(prices, np.asarray(places), windows=None)


@pytest.mark.parametrize("fit", [fit_ets, fit_arima])
def test_filtered_forecasts_are_those_of_statsmodels(prices, fit):
    model = fit("TEST", prices[:N_TRAINING], QUESTION)
    assert model.fallback == ""
    found = model.forecast(scene_at(prices, PLACES))
    for row, place in enumerate(PLACES):
        logs = 100 * np.log(prices[: place + 1])
        own = model.model.clone(logs).filter(model.parameters).get_forecast(5)
        assert np.allclose(100 * np.log(found.centre[row]), own.predicted_mean)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bounds = own.conf_int(alpha=0.1)
        edges = 100 * np.log(found.quantiles[row][:, [0, -1]])
        assert np.allclose(edges, bounds)


def test_arima_finds_the_likeliest_parameters(prices):
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    logs = 100 * np.log(prices[:N_TRAINING])
    model = fit_arima("TEST", prices[:N_TRAINING], QUESTION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = SARIMAX(logs, order=(1, 1, 1), trend="c").fit(disp=False, maxiter=200)
    assert model.model.loglike(model.parameters) == pytest.approx(whole.llf, abs=0.01)


def test_arima_follows_steps_that_follow_each_other():
    random = np.random.default_rng(1)
    steps = [0.0]
    for shock in random.normal(0, 1, 799):
        steps.append(0.05 + 0.6 * steps[-1] + shock)
    prices = 100 * np.exp(np.cumsum(steps) / 100)
    found = fit_arima("TEST", prices[:N_TRAINING], QUESTION).forecast(
        scene_at(prices, np.arange(N_TRAINING, 790))
    )
    actual = np.log(prices[N_TRAINING + 1 : 791] / prices[N_TRAINING:790])
    expected = np.log(found.centre[:, 0] / prices[N_TRAINING:790])
    assert np.corrcoef(actual, expected)[0, 1] > 0.5


@pytest.mark.parametrize("fit", [fit_ets, fit_arima])
def test_a_fit_that_fails_leaves_a_random_walk(prices, fit, monkeypatch):
    from forecaster.models.baselines import statespace

    monkeypatch.setattr(statespace, "MOST_ITERATIONS", 1)
    model = fit("TEST", prices[:N_TRAINING], QUESTION)
    assert isinstance(model, RandomWalk)
    assert model.fallback == "the fit did not converge"
    slope = np.log(prices[N_TRAINING - 1] / prices[0]) / (N_TRAINING - 1)
    growth = np.exp(slope * np.arange(1, 6)) if fit is fit_arima else np.ones(5)
    found = model.forecast(scene_at(prices, PLACES)).centre
    assert np.allclose(found, prices[PLACES][:, None] * growth)


def test_a_random_walk_spreads_with_the_root_of_time():
    model = RandomWalk("TEST", Question((0.5, 0.841344746), 4, 0), 0.0, 4.0, "")
    found = model.forecast(scene_at(np.array([10.0]), [0])).quantiles[0]
    assert np.allclose(100 * np.log(found[:, 1] / 10), 2 * np.sqrt([1, 2, 3, 4]))


def test_fallbacks_are_told_by_ticker(prices):
    fitted = make_baseline("arima").fit(
        {"LONG": scene_at(prices, [99]), "SHORT": scene_at(prices[:30], [20])},
        levels=LEVELS,
        horizon=1,
        seed=0,
    )
    assert fitted.fallbacks == {"SHORT": "too few prices"}


@pytest.fixture(scope="module")
def arch_fit(prices):
    """Everything arch says of all prices with the parameters of training."""
    from arch import arch_model

    model = fit_garch("TEST", prices[:N_TRAINING], QUESTION)
    returns = 100 * np.diff(np.log(prices))
    settings = {"mean": "Constant", "vol": "GARCH", "dist": "t", "rescale": False}
    parameters = [model.mean, model.omega, model.alpha, model.beta, model.freedom]
    return model, returns, arch_model(returns, **settings).fix(parameters)


def test_garch_variances_are_those_of_arch(prices, arch_fit):
    from arch import arch_model

    model, returns, fixed = arch_fit
    assert model.fallback == ""
    training = returns[: N_TRAINING - 1]
    settings = {"mean": "Constant", "vol": "GARCH", "dist": "t", "rescale": False}
    own = arch_model(training, **settings).fit(disp="off").conditional_volatility
    assert np.allclose(model.variances(training)[:-1], own**2, rtol=1e-8)
    # arch starts from the mean of all returns: what differs dies away.
    found = np.sqrt(model.variances(returns)[:-1])
    assert np.allclose(found[300:], fixed.conditional_volatility[300:], rtol=1e-6)


def test_garch_paths_have_the_variance_that_arch_works_out(prices, arch_fit):
    model, returns, fixed = arch_fit
    places = PLACES[1:]
    paths = model.simulate(model.variances(returns)[places])
    steps = np.diff(paths, axis=0, prepend=0) - model.mean
    told = fixed.forecast(horizon=5, start=0, reindex=False).variance.to_numpy()
    expected = told[places - 1]  # its row `i` has seen the return `i`
    # The variance of t shocks with few degrees of freedom is known roughly.
    assert np.allclose((steps**2).mean(axis=2).T, expected, rtol=0.1)
    assert np.allclose((steps**2).mean() / expected.mean(), 1, rtol=0.05)


def test_garch_first_step_is_an_exact_t(prices, arch_fit):
    from scipy import stats

    model, returns, _ = arch_fit
    found = model.forecast(scene_at(prices, PLACES)).quantiles[:, 0]
    variance = model.variances(returns)[PLACES]
    scale = np.sqrt(variance * (model.freedom - 2) / model.freedom)
    for row, place in enumerate(PLACES):
        t = stats.t(model.freedom, model.mean / 100, scale[row] / 100)
        assert np.allclose(t.cdf(np.log(found[row] / prices[place])), LEVELS)


def test_garch_quantiles_do_not_depend_on_the_chunks(prices, arch_fit, monkeypatch):
    from forecaster.models.baselines import garch

    model, _, _ = arch_fit
    whole = model.forecast(scene_at(prices, PLACES))
    monkeypatch.setattr(garch, "N_AT_ONCE", 1)
    parts = model.forecast(scene_at(prices, PLACES))
    assert np.array_equal(whole.quantiles, parts.quantiles)


def test_garch_of_few_returns_is_riskmetrics(prices):
    model = fit_garch("TEST", prices[:60], QUESTION)
    assert model.fallback == "too few returns"
    assert (model.omega, model.beta) == (0.0, 0.94)
    assert model.alpha == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("values", "converged", "reason"),
    [
        ((0.0, 0.1, 0.1, 0.9, 5.0), True, "the variance is integrated"),
        ((0.0, 0.1, 0.1, 0.8, 5.0), False, "the fit did not converge"),
        ((0.0, 0.1, 0.1, 0.8, 2.01), True, "the fit did not converge"),
    ],
)
def test_a_garch_that_cannot_be_used_is_riskmetrics(
    prices, monkeypatch, values, converged, reason
):
    from forecaster.models.baselines import garch

    monkeypatch.setattr(garch, "_estimate", lambda _: (values, converged))
    model = fit_garch("TEST", prices, QUESTION)
    assert (model.fallback, model.beta) == (reason, 0.94)
    assert model.forecast(scene_at(prices, PLACES)).quantiles.shape == (4, 5, 5)


def test_garch_variance_by_hand():
    model = GarchModel("TEST", QUESTION, 1.0, 0.5, 0.25, 0.5, 6.0, first=2.0)
    # 0.5 + 0.75 * 2, then 0.5 + 0.25 * (3 - 1)^2 + 0.5 * 2
    assert model.variances(np.array([3.0])).tolist() == [2.0, 2.5]


@pytest.mark.parametrize(
    "name", ["garch", "scaled_volatility", "constant_quantiles", "ets", "arima"]
)
def test_quantiles_cover_what_they_say(name):
    prices = garch_prices(6000, seed=5)
    if name in {"ets", "arima"}:  # their errors are normal
        shocks = np.random.default_rng(5).normal(0.02, 1, 6000)
        prices = 100 * np.exp(np.cumsum(shocks) / 100)
    fitted = make_baseline(name).fit(
        {"TEST": scene_at(prices[:3000], [99])}, levels=LEVELS, horizon=5, seed=0
    )
    places = np.arange(3000, 5990)
    found = fitted.forecast("TEST", scene_at(prices, places)).quantiles
    actual = np.stack([prices[places + step] for step in range(1, 6)], axis=1)
    below = (actual[..., None] <= found).mean(axis=0)
    assert np.allclose(below, LEVELS, atol=0.04)


def test_constant_quantiles_by_hand():
    prices = 2.0 ** np.array([0, 1, 3, 6, 10])
    fitted = make_baseline("constant_quantiles").fit(
        {"TEST": scene_at(prices, [1])}, levels=(0.25,), horizon=2, seed=0
    )
    found = fitted.forecast("TEST", scene_at(prices, [0, 1]))
    # Powers of two gained in one step: 1 2 3 4; in two: 3 5 7.
    assert np.allclose(found.centre[1], 2 * 2.0 ** np.array([2.5, 5]))
    assert np.allclose(found.quantiles[0, :, 0], 2.0 ** np.array([1.75, 4]))


def test_scaled_volatility_by_hand():
    random = np.random.default_rng(0)
    returns = random.normal(0, 0.01, 60)
    prices = np.exp(np.concatenate([[0], np.cumsum(returns)]))
    fitted = make_baseline("scaled_volatility").fit(
        {"TEST": scene_at(prices[:50], [1])}, levels=(0.3,), horizon=2, seed=0
    )
    found = fitted.forecast("TEST", scene_at(prices, [55])).quantiles[0, :, 0]
    for step in (1, 2):
        scaled = [
            returns[row : row + step].sum() / returns[row - 20 : row].std(ddof=1)
            for row in range(20, 50 - step)
        ]
        unit = returns[35:55].std(ddof=1)
        expected = prices[55] * np.exp(unit * np.quantile(scaled, 0.3))
        assert found[step - 1] == pytest.approx(expected)
