"""What can go wrong in the machine half, in words; jobs turn it into the one error tree."""


class RewardModelError(RuntimeError):
    """The root of this tree: `message` says what is wrong, `hint` what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.message = message
        self.hint = hint


class ModelUnavailable(RewardModelError):
    """A language model cannot be found or loaded here."""


class PromptRefused(RewardModelError):
    """A language model cannot read this conversation."""


class DecodingInvalid(RewardModelError):
    """A policy's decoding settings cannot be used as they are."""


class NotEnoughData(RewardModelError):
    """There are too few preferences, prompts or candidates for what was asked."""


class FeaturesInvalid(RewardModelError):
    """Features are not finite, have the wrong shape or come from another extractor."""


class CheckpointBroken(RewardModelError):
    """A stored reward head cannot be read back."""


class TrainingFailed(RewardModelError):
    """A deep training cannot go on: its loss is no number, or its device has no memory left."""
