"""The REST interface of the people half, under /api/v1/."""

from django.urls import path

from annotation.api import batches, content, disputes, judgments, projects, reports, runs, work

app_name = "annotation-api"

urlpatterns = [
    path("me", projects.Me.as_view()),
    path("projects", projects.Projects.as_view()),
    path("projects/<slug:slug>", projects.ProjectDetail.as_view()),
    path("projects/<slug:slug>/prompts", content.Prompts.as_view()),
    path("projects/<slug:slug>/completions", content.Completions.as_view()),
    path("projects/<slug:slug>/policies", content.Policies.as_view()),
    path("projects/<slug:slug>/batches", batches.Batches.as_view()),
    path("projects/<slug:slug>/disputes", disputes.Disputes.as_view()),
    path("projects/<slug:slug>/judgments", judgments.Judgments.as_view()),
    path("projects/<slug:slug>/agreement", reports.Agreement.as_view()),
    path("projects/<slug:slug>/audits", reports.Audits.as_view()),
    path("projects/<slug:slug>/exports", reports.Exports.as_view()),
    path("projects/<slug:slug>/assignments/next", work.NextAssignment.as_view()),
    path("projects/<slug:slug>/measure", runs.Measure.as_view()),
    path("projects/<slug:slug>/export", runs.ExportRequest.as_view()),
    path("assignments/<int:pk>", work.AssignmentDetail.as_view()),
    path("assignments/<int:pk>/judgment", work.AssignmentJudgment.as_view()),
    path("assignments/<int:pk>/skip", work.AssignmentSkip.as_view()),
    path("assignments/<int:pk>/renew", work.AssignmentRenew.as_view()),
    path("assignments/<int:pk>/release", work.AssignmentRelease.as_view()),
    path("judgments/<int:pk>/withdraw", work.JudgmentWithdraw.as_view()),
    path("batches/<int:pk>", batches.BatchDetail.as_view()),
    path("batches/<int:pk>/extend", batches.BatchExtend.as_view()),
    path("batches/<int:pk>/stuck", batches.BatchStuck.as_view()),
    path("comparisons/<int:pk>", batches.ComparisonDetail.as_view()),
    path("comparisons/<int:pk>/give", batches.ComparisonGive.as_view()),
    path("comparisons/<int:pk>/dispute", disputes.ComparisonDispute.as_view()),
    path("assignments/<int:pk>/return", batches.LeaseReturn.as_view()),
    path("disputes/<int:pk>", disputes.DisputeDetail.as_view()),
    path("disputes/<int:pk>/decision", disputes.DisputeDecision.as_view()),
    path("disputes/<int:pk>/dismiss", disputes.DisputeDismiss.as_view()),
    path("runs", runs.Runs.as_view()),
    path("runs/<int:pk>", runs.RunDetail.as_view()),
    path("runs/<int:pk>/cancel", runs.RunCancel.as_view()),
    path("runs/<int:pk>/retry", runs.RunRetry.as_view()),
    path("exports/<int:pk>/archive", reports.ExportArchive.as_view()),
    path("exports/<int:pk>/files/<str:name>", reports.ExportFile.as_view()),
]
