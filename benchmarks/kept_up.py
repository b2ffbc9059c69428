"""Agreement as of now in a project of 8,931 votes: what a new judgment costs, database and all.

Each of the first judgments is followed by an update of its own; then many are caught up with at
once, as the schedule does. Beside it stands counting everything, which the sums save.
"""

from uuid import uuid4

from benchmarks import place
from benchmarks.figures import Figure, of_samples, seconds

UPDATE_GOAL_MS = 5.0


def measure(*, short: bool) -> list[Figure]:
    single, many = (20, 50) if short else (200, 1_000)
    with place.installation():
        from django.db import connection
        from django.utils import timezone

        from alignui.demo.projects import crowd_load
        from annotation.models import Assignment, Comparison, Judgment, Project, User
        from annotation.selectors.agreement import rated
        from annotation.selectors.judgments import live
        from annotation.services.agreement import agreement_measure
        from annotation.services.agreement_sums import agreement_sums_update

        project: Project = crowd_load(place.demo_cast())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as the database does by itself a minute later
        criterion = project.criteria.get()
        agreement_sums_update(project=project)
        whole = seconds(lambda: rated(live(project), criterion))
        snapshot = seconds(lambda: agreement_measure(project=project, criterion=criterion))
        who = User.objects.create_user("newcomer", name="Newcomer")
        waiting = list(project.comparisons.order_by("pk")[: single + many])
        Comparison.objects.filter(pk__in=[each.pk for each in waiting]).update(overlap=500)

        def judge(comparison: Comparison) -> None:
            now = timezone.now()
            assignment = Assignment.objects.create(
                comparison=comparison, annotator=who, state="submitted", display_order=[0, 1],
                leased_at=now, expires_at=now, closed_at=now,
            )  # fmt: skip
            Judgment.objects.create(
                comparison=comparison, annotator=who, assignment=assignment, source="api",
                idempotency_token=uuid4(), groups=[[0], [1]],
            )  # fmt: skip

        samples = []
        for comparison in waiting[:single]:
            judge(comparison)
            samples.append(1000 * seconds(lambda: agreement_sums_update(project=project)))
        for comparison in waiting[single:]:
            judge(comparison)
        together = 1000 * seconds(lambda: agreement_sums_update(project=project))
    n_many = len(waiting) - single
    return [
        of_samples("a new judgment updates the project's figures", samples, "ms",
                   goal=UPDATE_GOAL_MS, baseline=1000 * whole,
                   baseline_name="reading all judgments"),
        Figure(f"each of {n_many:,} that are caught up with at once", together / n_many, "ms",
               goal=UPDATE_GOAL_MS),
        Figure("a whole snapshot: every coefficient, part, pair of people and item", snapshot, "s"),
    ]  # fmt: skip
