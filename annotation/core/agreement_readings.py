"""What a figure of agreement says in plain words, and when it says too little."""

from annotation.core.estimates import Estimate

TENTATIVE = 0.667
RELIABLE = 0.8
PARTED = 0.2
COMMON = 0.7
WIDE = 0.4
FEW_ITEMS = 10


def is_too_few(estimate: Estimate, *, n_groups: int | None = None) -> bool:
    """Whether the figure could be almost anything: no interval, few items, or a wide interval.

    Where items come in groups (the pairs of a ranking), `n_groups` is how many: each is one case.
    """
    if estimate.low is None or estimate.high is None:
        return True
    n = estimate.n_units if n_groups is None else n_groups
    return n < FEW_ITEMS or estimate.high - estimate.low > WIDE


def reading(estimate: Estimate, *, n_groups: int | None = None) -> str:
    """One sentence on a chance-corrected figure, by the ends of its interval.

    Reliable from 0.8 on, for tentative conclusions from 0.667: Krippendorff (2018), chapter 12.
    """
    if estimate.value is None:
        return estimate.note
    if estimate.low is None or estimate.high is None:
        return f"Too few to say: {estimate.value:.2f}, without an interval. {estimate.note}".strip()
    between = f"{estimate.low:.2f} to {estimate.high:.2f}"
    if is_too_few(estimate, n_groups=n_groups):
        n = estimate.n_units if n_groups is None else n_groups
        return f"Too few to say: {n} items judged by two or more put it anywhere from {between}."
    return f"{_in_words(estimate.low, estimate.high)} ({between})."


def _in_words(low: float, high: float) -> str:
    if low >= RELIABLE:
        return "Annotators agree reliably"
    if low >= TENTATIVE:
        return "Annotators agree well enough for tentative conclusions"
    if low > 0:
        return (
            "Annotators agree more than by chance, but not reliably: reread the guideline together"
        )
    if high < 0:
        return "Annotators disagree more than by chance: look for two readings of the guideline"
    return "Agreement cannot be told from chance"


def parting(alpha: Estimate, ac: Estimate, agreeing: float | None, commonest: float | None) -> str:
    """Why Krippendorff's alpha and Gwet's coefficient differ, where they do by 0.2; else "".

    `agreeing` is the share of agreeing pairs; `commonest` the share of the most common value.

    Source: Feinstein and Cicchetti (1990), Journal of Clinical Epidemiology 43 (the prevalence
    paradox); Gwet (2008), British Journal of Mathematical and Statistical Psychology 61.
    """
    if alpha.value is None or ac.value is None or agreeing is None or commonest is None:
        return ""
    if abs(ac.value - alpha.value) < PARTED:
        return ""
    both = f"alpha is {alpha.value:.2f}, but {ac.method.split(';')[0]} {ac.value:.2f}"
    if ac.value > alpha.value and commonest >= COMMON:
        return (
            f"Two annotators agree {agreeing:.0%} of the time and {both}: one answer makes up "
            f"{commonest:.0%} of all, so alpha takes most of that agreement for chance (the "
            "prevalence paradox). Items on which the other answers are right would settle it."
        )
    return (
        f"Two annotators agree {agreeing:.0%} of the time and {both}: they take different amounts "
        "of that agreement for chance, since some values are far more common than others. Report "
        "both, and look at which values are given."
    )
