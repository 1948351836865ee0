"""The Diebold-Mariano test agrees with a regression, and errs as often as it says."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t

from forecaster.errors import DataError
from forecaster.significance import diebold_mariano


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_it_is_a_regression_on_a_constant_with_hac_errors(horizon):
    random = np.random.default_rng(horizon)
    first, second = random.chisquare(1, (2, 80))
    difference = first - second
    fit = sm.OLS(difference, np.ones(80)).fit(
        cov_type="HAC", cov_kwds={"maxlags": horizon - 1}
    )
    factor = np.sqrt((81 - 2 * horizon + horizon * (horizon - 1) / 80) / 80)
    statistic = fit.tvalues[0] * factor
    answer = diebold_mariano(first, second, horizon=horizon)
    assert answer.statistic == pytest.approx(statistic, rel=1e-9)
    assert answer.p_value == pytest.approx(2 * t.sf(abs(statistic), 79), rel=1e-9)
    assert answer.n_forecasts == 80


def test_equal_losses_are_equal():
    losses = np.ones(20)
    assert diebold_mariano(losses, losses).p_value == 1
    assert diebold_mariano(losses, losses * 2).p_value == 0


def test_it_rejects_equal_forecasts_about_one_time_in_twenty():
    random = np.random.default_rng(0)
    n_tests = 2000
    rejected = sum(
        diebold_mariano(*random.chisquare(1, (2, 100))).p_value < 0.05
        for _ in range(n_tests)
    )
    assert 0.03 < rejected / n_tests < 0.07


def test_its_power_grows_with_the_difference():
    random = np.random.default_rng(0)

    def power(scale):
        return np.mean(
            [
                diebold_mariano(
                    random.chisquare(1, 100), scale * random.chisquare(1, 100)
                ).p_value
                < 0.05
                for _ in range(200)
            ]
        )

    assert power(1.2) < power(1.6) < power(2.5)
    assert power(2.5) > 0.9


def test_too_few_forecasts_are_refused():
    with pytest.raises(DataError, match="at least 8 forecasts to compare, found 7"):
        diebold_mariano(np.ones(7), np.zeros(7))
