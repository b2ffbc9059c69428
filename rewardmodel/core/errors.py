"""What can go wrong here, in words; jobs turn it into the application's error tree."""


class ModelUnavailable(RuntimeError):
    """A language model cannot be loaded; the message says what to do."""


class PromptRefused(ValueError):
    """The model's chat template cannot write a conversation; the message says what to do."""


class TooFewData(ValueError):
    """There is not enough to learn or to tell anything from."""


class FeaturesInvalid(ValueError):
    """Features are not finite, or come from another extractor."""


class CheckpointBroken(RuntimeError):
    """A stored reward head cannot be read back."""
