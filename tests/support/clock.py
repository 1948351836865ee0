"""A clock that stands still until somebody sleeps."""


class Clock:
    """Hand `clock.now` and `clock.sleep` to what is tested.

    Attributes
    ----------
    waits
        Every sleep so far, in seconds.
    """

    def __init__(self, time=1_700_000_000.0):
        self.time = time
        self.waits = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.time += seconds
