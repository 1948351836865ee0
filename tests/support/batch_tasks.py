"""Questions of a batch, answered by workers that some tickers are the death of."""

import os
import signal

from forecaster.batch.asking import answer

POISON = "BBB"


def answer_unless_poisoned(question):
    """Kill the process that is asked for the poisoned ticker."""
    if any(one.ticker == POISON for one in question.asked):
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(question)


def answer_unless_memory_ends(question):
    """Run out of memory for the poisoned ticker, as Python tells it."""
    if any(one.ticker == POISON for one in question.asked):
        raise MemoryError
    return answer(question)
