"""Agreement, audits and exports: an answer in a sentence, figures with intervals, files by row."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from annotation.models import AgreementReport, Export, Project, Run, User
from annotation.services.agreement import agreement_measure, agreement_work
from annotation.services.audits import audit_work
from annotation.services.exports import export_work
from annotation.services.judgments import JudgmentInput, judgment_submit
from annotation.services.runs import run_execute
from tests.factories import claim, judge

pytestmark = pytest.mark.django_db

WORK = {"agreement": agreement_work, "audit": audit_work, "export": export_work}


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    cache.clear()
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def judged(project: Project, ana: User, ben: User) -> Project:
    """Eight judgments: Ana is for the terse response three times of four, Ben always."""
    for person, n_terse in ((ana, 3), (ben, 4)):
        for number in range(4):
            assignment = claim(person, project)
            best = assignment.display_order.index(0 if number < n_terse else 1)
            judgment_submit(
                annotator=person, assignment=assignment, token=uuid4(),
                answer=JudgmentInput(groups=((best,), (1 - best,))),
            )  # fmt: skip
    return project


@pytest.fixture
def working(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> DjangoCaptureOnCommitCallbacks:
    """Workers that do at once what a view sends them."""

    def work(run: Run) -> None:
        run_execute(run_id=run.pk, work=WORK[run.kind])

    monkeypatch.setattr("annotation.web.lead.enqueue", work)
    return django_capture_on_commit_callbacks


def test_agreement_without_judgments_says_what_to_do(client: Client) -> None:
    page = client.get("/projects/kitchen/agreement/").content.decode()
    assert "Nobody has measured it yet." in page
    assert "Open a batch with an overlap of two or more." in page
    assert "<svg" not in page


def test_measuring_answers_with_interval_and_count(
    client: Client, judged: Project, working: DjangoCaptureOnCommitCallbacks
) -> None:
    with working(execute=True):
        client.post("/projects/kitchen/agreement/measure/")
    report = AgreementReport.objects.get(criterion__key="overall")
    page = client.get("/projects/kitchen/agreement/").content.decode()
    assert f"alpha {report.estimate:.2f}".replace("-", "−") in page
    assert "on 4 items" in page
    assert "8 judgments of 2 annotators" in page
    assert "Krippendorff" in page
    rows = client.get("/projects/kitchen/agreement/?csv=agreement").content.decode().splitlines()
    assert rows[0].startswith("name,alpha,alpha low,alpha high,AC")
    assert rows[1].split(",")[:2] == ["Overall", repr(report.estimate)]


def test_one_annotator_is_told_in_words_and_not_as_a_number(
    client: Client, project: Project, ana: User
) -> None:
    judge(ana, project)
    agreement_measure(project=project, criterion=project.criteria.get(key="overall"))
    page = client.get("/projects/kitchen/agreement/").content.decode()
    assert "It cannot be told yet." in page
    assert "Only one annotator has judged so far" in page
    assert 'class="estimate' not in page


def test_two_snapshots_make_a_trend(client: Client, judged: Project) -> None:
    for _ in range(2):
        agreement_measure(project=judged, criterion=judged.criteria.get(key="overall"))
    page = client.get("/projects/kitchen/agreement/").content.decode()
    assert 'id="agreement-history-t"' in page
    csv = client.get("/projects/kitchen/agreement/?csv=agreement-history").content.decode()
    assert len(csv.splitlines()) == 3


def test_the_weakest_criterion_is_named(client: Client, judged: Project) -> None:
    overall, honest = judged.criteria.all()
    common = {
        "project": judged, "n_judgments": 900, "n_annotators": 9, "n_comparisons": 300,
        "method": "m", "seed": 1, "code_version": "1",
    }  # fmt: skip
    AgreementReport.objects.create(criterion=overall, estimate=0.6, low=0.55, high=0.65, **common)
    AgreementReport.objects.create(criterion=honest, estimate=0.2, low=0.1, high=0.3, **common)
    page = client.get("/projects/kitchen/agreement/").content.decode()
    assert "Moderately: alpha 0.60 [0.55,\N{NO-BREAK SPACE}0.65] on 300 items." in page
    assert "Least on “Honest”: 0.20." in page


def test_a_second_request_for_the_same_figure_is_a_conflict(
    client: Client, judged: Project
) -> None:
    assert client.post("/projects/kitchen/audits/measure/").status_code == 302
    assert client.post("/projects/kitchen/audits/measure/").status_code == 409
    assert Run.objects.filter(kind="audit").count() == 1


def test_a_release_is_written_listed_and_downloaded_by_its_row(
    client: Client, judged: Project, working: DjangoCaptureOnCommitCallbacks,
    settings: Settings, tmp_path: Path,
) -> None:  # fmt: skip
    settings.EXPORTS_DIR = tmp_path
    with working(execute=True):
        client.post("/projects/kitchen/exports/new/", {"rows": "majority", "weights": "on"})
    export = Export.objects.get()
    asked = {"is_majority": True, "follows_adjudication": True, "weights": "consensus"}
    assert asked.items() <= export.params.items()
    page = client.get("/projects/kitchen/exports/").content.decode()
    assert export.sha256[:12] in page
    card = client.get(f"/exports/{export.pk}/").content.decode()
    assert export.sha256 in card
    assert "Limitations" in card
    answer = client.get(f"/exports/{export.pk}/download/")
    assert answer["Content-Disposition"] == (
        f'attachment; filename="kitchen-export-{export.pk}.zip"'
    )
    body = b"".join(answer.streaming_content)
    assert body == (tmp_path / f"{export.folder}.zip").read_bytes()


def test_a_release_whose_file_is_gone_says_where_to_look(client: Client, judged: Project) -> None:
    export = Export.objects.create(
        project=judged, folder="kitchen/gone", sha256="0" * 64, byte_size=1, rows=1, card="#"
    )
    answer = client.get(f"/exports/{export.pk}/download/")
    assert answer.status_code == 503
    assert "not on this host" in answer.content.decode()


def test_a_project_without_judgments_releases_nothing(client: Client) -> None:
    page = client.get("/projects/kitchen/exports/").content.decode()
    assert "There is nothing to release yet." in page
    assert "Write a release" not in page
