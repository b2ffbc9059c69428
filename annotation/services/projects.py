"""Projects, their criteria and their policies."""

from collections.abc import Iterable, Mapping

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from annotation.core.errors import Conflict, Invalid
from annotation.models import Criterion, Policy, Pool, Project, User
from annotation.services.audit_log import audit_entry_create
from annotation.services.lanes import project_queue

SETTINGS = frozenset(
    {
        "name", "description", "question", "guideline", "content_warning", "attribution",
        "candidates", "overlap", "lease_seconds", "strength_levels", "allow_tie",
        "allow_both_bad", "allow_amend", "rationale", "confidence", "spans", "rewrite",
        "shows_gold", "break_after_minutes", "samples_per_prompt",
        "retrain_automatically", "retrain_after_judgments", "retrain_after_minutes",
        "acquire_automatically", "acquisition_function", "acquisition_size", "control_share",
        "evaluation_share",
        "acquisition_unit", "acquisition_weighs_cost", "acquisition_budget", "retrain_on_drift",
        "loop_paused", "reward_model", "reward_uses_text", "reward_debiases_length",
        "reward_weighs_annotators",
        "learns_from_simulated", "is_archived", "adjudicates", "stop_at_agreement", "overlap_cap",
        "suggestion_share",
        "prompt_window_hours", "oldest_share", "gold_rate", "repeat_rate", "skill_tags",
    }
)  # fmt: skip
# What a lead may set them to; the database would also hold what makes no sense.
MOST = 2_000_000_000
LIMITS: Mapping[str, tuple[int, int]] = {
    "lease_seconds": (60, 86_400),
    "prompt_window_hours": (1, 8760),
    "samples_per_prompt": (1, 100),
    "retrain_after_judgments": (1, MOST),
    "retrain_after_minutes": (1, MOST),
    "acquisition_size": (1, 10_000),
    "acquisition_budget": (1, MOST),
}
ACQUISITION_FUNCTIONS = frozenset(
    {
        "portfolio", "random", "uncertainty", "bald", "batch_bald", "d_optimal",
        "robust_d_optimal", "prediction_oriented", "information_directed", "delta_ucb",
        "double_thompson", "leaderboard_narrowing",
    }
)  # fmt: skip
BORN_WITH = SETTINGS | {"kind", "held_out_fraction", "seed"}


@transaction.atomic
def project_create(
    *, actor: User | None, name: str, slug: str = "", pools: Iterable[Pool] = (),
    **settings: object,
) -> Project:  # fmt: skip
    """A project with its `overall` criterion. Raises Invalid naming the setting that is wrong."""
    _check_known(settings, BORN_WITH)
    slug = slug or slugify(name)[:60]
    if not slug:
        raise Invalid("Give the project a name with letters or digits.", field="name")
    if Project.objects.filter(slug=slug).exists():
        raise Conflict(f"There is a project “{slug}” already.", field="slug")
    project = Project(name=name.strip(), slug=slug, **settings)
    _clean(project)
    project.save()
    project.pools.set(pools)
    Criterion.objects.create(
        project=project, key=Criterion.OVERALL, name="Overall", is_required=True, position=0
    )
    if actor is not None:
        audit_entry_create(
            actor=actor, project=project, action="project.create", subject=project.slug
        )
    return project


@transaction.atomic
def project_update(*, actor: User, project: Project, **settings: object) -> Project:
    """Changes settings that may change. What a project was born with stays for its life.

    Tags that ask for a skill sort all open comparisons anew. Raises Invalid naming the setting
    that is wrong.
    """
    _check_known(settings, SETTINGS)
    _check_limits(settings)
    locked = Project.objects.select_for_update().get(pk=project.pk)
    before = {name: getattr(locked, name) for name in settings}
    for name, value in settings.items():
        setattr(locked, name, value)
    _clean(locked)
    locked.save()
    if before.get("skill_tags", locked.skill_tags) != locked.skill_tags:
        project_queue(project=locked)
    changed = {name: [before[name], settings[name]] for name in settings
               if before[name] != settings[name]}  # fmt: skip
    audit_entry_create(
        actor=actor, project=locked, action="project.update", subject=locked.slug, detail=changed
    )
    return locked


@transaction.atomic
def criterion_create(
    *, actor: User | None, project: Project, key: str, name: str, guideline: str = "",
    scale: str = Criterion.Scale.PREFERENCE, is_required: bool = False,
) -> Criterion:  # fmt: skip
    last = project.criteria.aggregate(last=Max("position"))["last"]
    criterion = Criterion(
        project=project, key=key, name=name, guideline=guideline, scale=scale,
        is_required=is_required, position=(last or 0) + 1,
    )  # fmt: skip
    _clean(criterion)
    criterion.save()
    if actor is not None:
        audit_entry_create(actor=actor, project=project, action="criterion.create", subject=key)
    return criterion


@transaction.atomic
def policy_create(
    *, actor: User | None, project: Project, name: str,
    provider: str = Policy.Provider.TRANSFORMERS, model: str = "", system_prompt: str = "",
    decoding: Mapping[str, object] | None = None, family: str = "",
) -> Policy:  # fmt: skip
    """The policy of these settings: the newest version if they match it, else a new version.

    The family is said of a policy and changes nothing of what it writes: one that is given is put
    on a version that is there, and one that is not is taken over from it.
    """
    name = name.strip()
    if not name:
        raise Invalid("Give the policy a name.", field="name")
    if provider == Policy.Provider.TRANSFORMERS and not model:
        raise Invalid("Say which model the policy uses.", field="model",
                      hint="A transformers directory, a hub id, or “smollm2”.")  # fmt: skip
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    newest = project.policies.filter(name=name).order_by("-version").first()
    settings = (provider, model, system_prompt, dict(decoding or {}))
    if newest and settings == (
        newest.provider, newest.model, newest.system_prompt, newest.decoding
    ):  # fmt: skip
        if family and family != newest.family:
            newest.family = family
            _clean(newest)
            newest.save(update_fields=["family"])
        return newest
    policy = Policy(
        project=project, name=name, version=newest.version + 1 if newest else 1,
        provider=provider, model=model, system_prompt=system_prompt, decoding=settings[3],
        family=family or (newest.family if newest else ""),
    )  # fmt: skip
    _clean(policy)
    policy.save()
    if newest:
        project.policies.filter(pk=newest.pk).update(is_active=False)
    if actor is not None:
        audit_entry_create(
            actor=actor, project=project, action="policy.create", subject=str(policy)
        )
    return policy


def _check_known(settings: Mapping[str, object], known: frozenset[str]) -> None:
    for name in settings:
        if name not in known:
            raise Invalid(f"“{name}” is not a setting that can be changed.", field=name)


def _check_limits(settings: Mapping[str, object]) -> None:
    for name, (low, high) in LIMITS.items():
        value = settings.get(name)
        if isinstance(value, int | float) and not low <= value <= high:
            raise Invalid(f"{name}: this is a number from {low:,} to {high:,}.", field=name)
    function = settings.get("acquisition_function", "random")
    if function not in ACQUISITION_FUNCTIONS:
        raise Invalid(
            f"There is no acquisition function “{function}”.", field="acquisition_function",
            hint=f"There are {', '.join(sorted(ACQUISITION_FUNCTIONS))}.",
        )  # fmt: skip


def _clean(thing: Project | Criterion | Policy) -> None:
    """Django's own validation, as our error: the first problem, with its field."""
    if isinstance(thing, Project) and (thing.overlap_cap or thing.overlap) < thing.overlap:
        raise Invalid(
            "The most judgments of a comparison cannot be fewer than are always asked for.",
            field="overlap_cap",
        )
    try:
        thing.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        named = None if field == "__all__" else field
        raise Invalid(f"{named or 'Settings'}: {messages[0]}", field=named) from error
