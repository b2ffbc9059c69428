from django.urls import path

from rewardmodel.web import acquisition, leaderboard, overview, training, uses

app_name = "rewardmodel"

P = "projects/<slug:slug>/"

urlpatterns = [
    path(P, overview.overview, name="overview"),
    path(f"{P}generate/", training.generate, name="generate"),
    path(f"{P}reward-model/", training.training, name="training"),
    path(f"{P}reward-model/train/", training.train, name="train"),
    path("checkpoints/<int:checkpoint_id>/promote/", training.promote, name="promote"),
    path("checkpoints/<int:checkpoint_id>/package/", uses.package, name="package"),
    path("checkpoints/<int:checkpoint_id>/pack/", uses.pack, name="pack"),
    path(f"{P}reward-model/score/", uses.score, name="score"),
    path(f"{P}leaderboard/", leaderboard.leaderboard, name="leaderboard"),
    path(f"{P}acquisition/", acquisition.acquisition, name="acquisition"),
    path(f"{P}acquisition/next/", acquisition.acquire, name="acquire"),
    path(f"{P}acquisition/at-random/", acquisition.at_random, name="at-random"),
    path(f"{P}loop/pause/", overview.pause, name="pause"),
]
