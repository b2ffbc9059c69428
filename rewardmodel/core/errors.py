"""What can go wrong here, in words; jobs turn it into the application's error tree."""


class ModelUnavailable(RuntimeError):
    """A language model cannot be loaded; the message says what to do."""


class TooFewData(ValueError):
    """There is not enough to learn or to tell anything from."""
