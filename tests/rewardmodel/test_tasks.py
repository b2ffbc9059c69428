"""The doors to the jobs: what a host that cannot do them says, and that it says it once."""

import pytest

from annotation.models import Run
from rewardmodel import tasks
from tests.factories import make_run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (tasks.run_generation, Run.Kind.GENERATION),
        (tasks.run_training, Run.Kind.TRAINING),
        (tasks.run_acquisition, Run.Kind.ACQUISITION),
        (tasks.run_scoring, Run.Kind.SCORING),
        (tasks.run_packaging, Run.Kind.PACKAGING),
    ],
)
def test_a_worker_without_torch_says_so_in_the_run(project, monkeypatch, task, kind):
    def without_torch(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(tasks, "import_module", without_torch)
    run = make_run(project, kind)
    task(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert "This worker has no torch." in run.error
    assert "alignui[worker]" in run.error
