"""The REST interface of the machine half, under /api/v1/."""

from django.urls import path

from rewardmodel.api import learning, work

app_name = "rewardmodel-api"

P = "projects/<slug:slug>/"

urlpatterns = [
    path(f"{P}generate", work.Generate.as_view()),
    path(f"{P}train", work.Train.as_view()),
    path(f"{P}acquire", work.Acquire.as_view()),
    path(f"{P}score", work.Score.as_view()),
    path(f"{P}package", work.Package.as_view()),
    path("packages/<int:pk>/archive", work.PackageArchive.as_view()),
    path(f"{P}checkpoints", learning.Checkpoints.as_view()),
    path(f"{P}checkpoints/<int:pk>", learning.CheckpointDetail.as_view()),
    path(f"{P}checkpoints/<int:pk>/promote", learning.Promote.as_view()),
    path(f"{P}rounds", learning.Rounds.as_view()),
    path(f"{P}rounds/<int:pk>", learning.RoundDetail.as_view()),
    path(f"{P}rounds/<int:pk>/considered", learning.ConsideredPairs.as_view()),
    path(f"{P}savings", learning.Savings.as_view()),
    path(f"{P}loop", learning.Loop.as_view()),
    path(f"{P}loop/pause", learning.Pause.as_view()),
    path(f"{P}loop/resume", learning.Resume.as_view()),
]
