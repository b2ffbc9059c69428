"""The acquisition functions by name, each in a sentence. Without torch, so that pages can ask."""

from collections.abc import Mapping

DEFAULT = "portfolio"
RANDOM = "random"

FUNCTION_NAMES: Mapping[str, str] = {
    "portfolio": "Asks what makes the model surer while it is unsure, and mostly at random later; "
    "learns from the control arm which function helps on this project.",
    "random": "Any pair is as likely as any other.",
    "uncertainty": "Pairs whose outcome the model can least foretell, people's noise included.",
    "bald": "Pairs where a vote tells most about the model, not just about people's noise.",
    "batch_bald": "The same for a whole batch: no two pairs that tell the same.",
    "d_optimal": "Pairs that shrink the volume of the model's uncertainty most, one after another.",
    "robust_d_optimal": "The same without unusually large differences, which are often errors.",
    "prediction_oriented": "Pairs whose votes are expected to improve predictions on this "
    "project's prompts most.",
    "information_directed": "Pairs that tell much and show good responses, in proportion.",
    "delta_ucb": "Of each prompt the pair that may differ most in reward.",
    "double_thompson": "Of each prompt two responses that may each be the best.",
    "leaderboard_narrowing": "Pairs of policies whose order on the leaderboard is still open.",
}
