"""A lead's projects: the list, a new one, its settings and criteria."""

from collections.abc import Mapping

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.core.errors import AlignUIError, NotFound
from annotation.models import Ask, ComparisonKind, Criterion, Pool, Project, User
from annotation.selectors.access import is_lead, pool_for_lead, pools_led, projects_viewed
from annotation.selectors.overview import project_lines
from annotation.services.pools import pool_create
from annotation.services.projects import criterion_create, project_create, project_update
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led, page
from annotation.web.lead_forms import Field, read, shown, unplaced

ASK = tuple(Ask.choices)
STRENGTHS = (
    ("1", gettext_lazy("Only which is better")),
    ("2", gettext_lazy("Slightly or much better")),
    ("3", gettext_lazy("Slightly, better, much better")),
)

REWARD_MODELS = (
    ("embedded", gettext_lazy("A head on frozen features")),
    ("deep", gettext_lazy("A fine-tuned language model")),
)
FUNCTIONS = (
    ("portfolio", gettext_lazy("What helps here, learned as it goes")),
    ("random", gettext_lazy("Chance")),
    ("uncertainty", gettext_lazy("Uncertainty of the vote")),
    ("bald", gettext_lazy("What a vote would teach (BALD)")),
    ("batch_bald", gettext_lazy("What a whole batch would teach (batch-BALD)")),
    ("d_optimal", gettext_lazy("Precision of the weights (D-optimal)")),
    ("robust_d_optimal", gettext_lazy("The same without outliers (robust D-optimal)")),
    ("prediction_oriented", gettext_lazy("Better predictions on all prompts (EPIG)")),
    ("information_directed", gettext_lazy("Information and good responses together")),
    ("delta_ucb", gettext_lazy("The largest possible difference of a prompt (delta-UCB)")),
    ("double_thompson", gettext_lazy("Two responses that may be best (double Thompson)")),
    ("leaderboard_narrowing", gettext_lazy("Policies whose order is open")),
)
UNITS = (
    ("pair", gettext_lazy("Pairs of responses")),
    ("prompt", gettext_lazy("Prompts, then pairs of them at random")),
    ("pool", gettext_lazy("Responses from each prompt's pool")),
)

NEW = (
    Field("name", gettext_lazy("Name"), required=True),
    Field("question", gettext_lazy("Question to the annotators")),
    Field("kind", gettext_lazy("What is asked"), choices=tuple(ComparisonKind.choices)),
    Field("candidates", gettext_lazy("Responses shown together"), "whole", min=2, max=9,
          hint=gettext_lazy("2 for pairs; up to 9 to rank. Stays for the project's life.")),
    Field("overlap", gettext_lazy("Judgments for each comparison"), "whole", min=1, max=500),
    Field("held_out_fraction", gettext_lazy("Prompts held out, %"), "share", min=0, max=90,
          hint=gettext_lazy("The yardstick: judged, never learned from. Stays for life.")),
)  # fmt: skip

JUDGING = (
    Field("name", gettext_lazy("Name"), required=True),
    Field("question", gettext_lazy("Question to the annotators"), required=True),
    Field("description", gettext_lazy("Description"), rows=2),
    Field("guideline", gettext_lazy("Guideline (Markdown)"), rows=10),
    Field("content_warning", gettext_lazy("Content warning, shown before each comparison")),
    Field("attribution", gettext_lazy("Attribution of the data"), rows=2),
    Field("overlap", gettext_lazy("Judgments for each comparison"), "whole", min=1, max=500,
          hint=gettext_lazy("For batches opened from now on.")),
    Field("lease_seconds", gettext_lazy("Seconds to judge before it goes to others"), "whole",
          min=60, max=86_400),
    Field("strength_levels", gettext_lazy("How much better"), choices=STRENGTHS),
    Field("rationale", gettext_lazy("Ask why"), choices=ASK),
    Field("confidence", gettext_lazy("Ask how sure"), choices=ASK),
    Field("spans", gettext_lazy("Ask to mark passages"), choices=ASK,
          hint=gettext_lazy("Words of a response that are good, bad or false, with a note.")),
    Field("rewrite", gettext_lazy("Ask to rewrite the best response"), choices=ASK,
          hint=gettext_lazy("A rewrite is released as a demonstration and as an edit pair.")),
    Field("break_after_minutes", gettext_lazy("Suggest a break after minutes of work"), "whole",
          min=0, max=480, hint=gettext_lazy("0 for never.")),
    Field("allow_tie", gettext_lazy("“No difference” can be answered"), "yes_no"),
    Field("allow_both_bad", gettext_lazy("“Both are bad” can be answered"), "yes_no"),
    Field("allow_amend", gettext_lazy("Annotators may change an answer later"), "yes_no"),
    Field("shows_gold", gettext_lazy("Annotators see how they did on gold comparisons"), "yes_no"),
)  # fmt: skip

ASSIGNING = (
    Field("overlap_cap", gettext_lazy("Where judges disagree, ask up to"), "whole", min=1, max=500,
          may_be_empty=True,
          hint=gettext_lazy("One more judgment at a time until enough say the same or this many "
                            "are there. Empty: never more than above.")),
    Field("stop_at_agreement", gettext_lazy("Judges agree when so many say the same, %"), "share",
          min=50, max=100, required=True,
          hint=gettext_lazy("Below it one more is asked, or a reviewer decides, as set here.")),
    Field("adjudicates", gettext_lazy("Put comparisons on which judges disagree before a reviewer"),
          "yes_no"),
    Field("prompt_window_hours", gettext_lazy("Hours before somebody meets a prompt again"),
          "whole", min=1, max=8760, may_be_empty=True,
          hint=gettext_lazy("In another comparison of it. Empty: no wait.")),
    Field("oldest_share", gettext_lazy("Of each person's work, from the oldest batch first, %"),
          "share", min=0, max=100, required=True,
          hint=gettext_lazy("The rest goes by what would tell most; without this, old batches "
                            "could wait for ever.")),
    Field("gold_rate", gettext_lazy("Of each person's work, gold, %"), "share", min=0, max=50,
          required=True, hint=gettext_lazy("Comparisons whose answer you know, mixed in unseen.")),
    Field("repeat_rate", gettext_lazy("Of each person's work, hidden repeats, %"), "share", min=0,
          max=50, required=True,
          hint=gettext_lazy("The same comparison once more, to see whether they say the same.")),
    Field("suggestion_share", gettext_lazy("Of those who judge, see what is suggested, %"), "share",
          min=0, max=100, required=True,
          hint=gettext_lazy("Drawn at random, so that audits can tell how far a suggestion pulls "
                            "votes. Suggestions come by the API.")),
    Field("skill_tags", gettext_lazy("Prompt tags that ask for a skill"),
          hint=gettext_lazy("Separated by commas. A prompt with such a tag is only shown to people "
                            "with the skill of that name.")),
)  # fmt: skip

LEARNING = (
    Field("samples_per_prompt", gettext_lazy("Responses of each policy to each prompt"), "whole",
          min=1, max=100),
    Field("reward_model", gettext_lazy("The reward model is"), choices=REWARD_MODELS,
          hint=gettext_lazy("On frozen features it trains in seconds on any machine; fine-tuning "
                            "wants a GPU.")),
    Field("reward_uses_text", gettext_lazy("It also sees length, lists, code and the like"),
          "yes_no"),
    Field("reward_debiases_length", gettext_lazy("Take what length alone explains out of it"),
          "yes_no", hint=gettext_lazy("Its page says what that costs in accuracy.")),
    Field("reward_weighs_annotators", gettext_lazy("Weigh votes by how reliable people are"),
          "yes_no", hint=gettext_lazy("By the newest report under Quality.")),
    Field("loop_paused", gettext_lazy("Pause the loop: nothing trains or opens a batch by itself"),
          "yes_no"),
    Field("retrain_automatically", gettext_lazy("Train again when it is due"), "yes_no"),
    Field("retrain_after_judgments", gettext_lazy("Due after new judgments"), "whole", min=1),
    Field("retrain_after_minutes", gettext_lazy("or after minutes"), "whole", min=1),
    Field("retrain_on_drift", gettext_lazy("or when new batches differ from what was learned"),
          "yes_no"),
    Field("acquire_automatically", gettext_lazy("Open the next batch by itself"), "yes_no"),
    Field("acquisition_function", gettext_lazy("Choose by"), choices=FUNCTIONS,
          hint=gettext_lazy("What each does stands on the acquisition page.")),
    Field("acquisition_unit", gettext_lazy("Choose"), choices=UNITS),
    Field("acquisition_weighs_cost", gettext_lazy("Prefer what takes less time to judge"),
          "yes_no"),
    Field("acquisition_size", gettext_lazy("Comparisons in a round"), "whole", min=1, max=10_000),
    Field("acquisition_budget", gettext_lazy("Judgments that rounds may ask for in all"), "whole",
          min=1, max=2_000_000_000, may_be_empty=True,
          hint=gettext_lazy("Empty: no limit. Then rounds stop.")),
    Field("control_share", gettext_lazy("Of these drawn at random, %"), "share", min=5, max=100,
          hint=gettext_lazy("The control arm: what active learning saves is measured with it.")),
    Field("evaluation_share", gettext_lazy("Of these on held-out prompts, %"), "share", min=0,
          max=50, hint=gettext_lazy("Reward models are tested on them and never learn from them.")),
    Field("learns_from_simulated", gettext_lazy("Learn from and measure simulated annotators too"),
          "yes_no",
          hint=gettext_lazy("LLM judges are learned from as well, and still measured apart.")),
)  # fmt: skip

ALL_FIELDS = JUDGING + ASSIGNING + LEARNING

CRITERION = (
    Field("key", gettext_lazy("Key"), required=True, hint=gettext_lazy("For files: “helpful”.")),
    Field("name", gettext_lazy("Name"), required=True),
    Field("scale", gettext_lazy("How it is answered"), choices=tuple(Criterion.Scale.choices)),
    Field("guideline", gettext_lazy("Guideline (Markdown)"), rows=3),
    Field("is_required", gettext_lazy("Must be answered"), "yes_no"),
)


@signed_in
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """For who leads or looks at anything; for others the page does not exist."""
    user = person(request)
    found = list(projects_viewed(user).order_by("is_archived", "id"))
    if not found and not is_lead(user):
        raise NotFound(_("You lead no project."))
    lines = project_lines(found)
    return render(request, "lead/projects.html", {"lines": lines, "is_lead": is_lead(user)})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    user = person(request)
    if not is_lead(user):
        raise NotFound(_("Only leads open projects."))
    values: Mapping[str, object] = {
        "kind": "pairwise", "candidates": 2, "overlap": 3, "held_out_fraction": 0.2,
        "question": Project._meta.get_field("question").default,
    }  # fmt: skip
    error = None
    if request.method == "POST":
        values = request.POST.dict()
        try:
            made = _project_make(user, request)
        except AlignUIError as refused:
            error = refused
        else:
            words = _("The project is open. Import prompts to begin.")
            return done(request, words, "annotation:prompts", made.slug)
    context = {
        "fields": shown(NEW, values, error),
        "pools": pools_led(user),
        "error": unplaced(error, NEW),
    }
    return render(request, "lead/project_new.html", context, status=error.status if error else 200)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    fields = ALL_FIELDS
    values: Mapping[str, object] = {f.name: _stored(project, f) for f in fields}
    error = None
    if request.method == "POST":
        values = request.POST.dict()
        try:
            _settings_save(request, project)
        except AlignUIError as refused:
            error = refused
        else:
            return done(request, _("The settings are saved."), "annotation:settings", slug)
    return _settings_page(request, project, values, error)


@signed_in
@require_POST
def criterion_new(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    try:
        criterion_create(actor=person(request), project=project, **read(CRITERION, request.POST))
    except AlignUIError as error:
        values = {f.name: _stored(project, f) for f in ALL_FIELDS}
        return _settings_page(request, project, values, None, criterion_error=error)
    return done(request, _("The criterion is asked from now on."), "annotation:settings", slug)


def _settings_page(
    request: HttpRequest,
    project: Project,
    values: Mapping[str, object],
    error: AlignUIError | None,
    criterion_error: AlignUIError | None = None,
) -> HttpResponse:
    either = error or criterion_error
    sent: Mapping[str, object] = request.POST.dict() if criterion_error else {"scale": "preference"}
    return page(
        request,
        "lead/settings.html",
        project,
        status=either.status if either else 200,
        judging=shown(JUDGING, values, error),
        assigning=shown(ASSIGNING, values, error),
        learning=shown(LEARNING, values, error),
        criterion_fields=shown(CRITERION, sent, criterion_error),
        criteria=project.criteria.all(),
        error=unplaced(error, ALL_FIELDS) or unplaced(criterion_error, CRITERION),
    )


@transaction.atomic
def _project_make(user: User, request: HttpRequest) -> Project:
    """The project and, where no pool was chosen, a pool of its own."""
    values = read(NEW, request.POST)
    chosen = request.POST.get("pool", "")
    pool: Pool
    if chosen.isdecimal():
        pool = pool_for_lead(user=user, pool_id=int(chosen))
    else:
        pool = pool_create(actor=user, name=str(values["name"]))
    return project_create(actor=user, pools=[pool], **values)


def _stored(project: Project, field: Field) -> object:
    """A setting as its control shows it: the choices of a list are words, tags one line."""
    value = getattr(project, field.name)
    if isinstance(value, list):
        return ", ".join(value)
    return str(value) if field.choices else value


def _settings_save(request: HttpRequest, project: Project) -> None:
    values = read(ALL_FIELDS, request.POST)
    values["strength_levels"] = int(str(values["strength_levels"]))
    tags = (tag.strip() for tag in str(values["skill_tags"]).split(","))
    values["skill_tags"] = sorted({tag for tag in tags if tag})
    project_update(actor=person(request), project=project, **values)
