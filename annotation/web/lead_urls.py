"""The leads' addresses; annotation/urls.py includes them."""

from django.urls import path

from annotation.web import (
    flags,
    integrity_urls,
    lead_agreement,
    lead_audits,
    lead_batches,
    lead_comparisons,
    lead_projects,
    lead_reports,
    lead_runs,
    lead_work,
    people_urls,
    report_urls,
)

P = "projects/<slug:slug>/"

urlpatterns = [
    path("projects/", lead_projects.projects, name="projects"),
    path("new-project/", lead_projects.project_new, name="project-new"),
    path(f"{P}settings/", lead_projects.settings, name="settings"),
    path(f"{P}settings/criteria/", lead_projects.criterion_new, name="criterion-new"),
    path(f"{P}prompts/", lead_work.prompts, name="prompts"),
    path(f"{P}prompts/import/", lead_work.import_file, name="import"),
    path(f"{P}prompts/<int:prompt_id>/", lead_work.prompt, name="prompt"),
    path(f"{P}policies/", lead_work.policies, name="policies"),
    path(f"{P}policies/new/", lead_work.policy_new, name="policy-new"),
    path(f"{P}batches/", lead_batches.batches, name="batches"),
    path(f"{P}batches/new/", lead_batches.batch_new, name="batch-new"),
    path(f"{P}batches/<int:batch_id>/", lead_batches.batch, name="batch"),
    path("batches/<int:batch_id>/state/", lead_batches.batch_state, name="batch-state"),
    path("batches/<int:batch_id>/name/", lead_batches.batch_name, name="batch-name"),
    path("batches/<int:batch_id>/more/", lead_batches.batch_more, name="batch-more"),
    path(
        f"{P}comparisons/<int:comparison_id>/",
        lead_comparisons.comparison,
        name="comparison",
    ),
    path(
        "comparisons/<int:comparison_id>/state/",
        lead_comparisons.state,
        name="comparison-state",
    ),
    path("comparisons/<int:comparison_id>/more/", lead_comparisons.more, name="comparison-more"),
    path("comparisons/<int:comparison_id>/give/", lead_comparisons.give, name="comparison-give"),
    path(
        "comparisons/<int:comparison_id>/dispute/",
        lead_comparisons.dispute,
        name="comparison-dispute",
    ),
    path(
        "assignments/<int:assignment_id>/return/",
        lead_comparisons.lease_return,
        name="lease-return",
    ),
    *people_urls.urlpatterns,
    path(f"{P}agreement/", lead_agreement.agreement, name="agreement"),
    path(f"{P}agreement/measure/", lead_agreement.agreement_measure, name="agreement-measure"),
    path(f"{P}audits/", lead_audits.audits, name="audits"),
    path(f"{P}audits/measure/", lead_audits.audits_measure, name="audits-measure"),
    path(f"{P}audits/<int:audit_id>/votes/", lead_audits.audit_votes, name="audit-votes"),
    *integrity_urls.urlpatterns,
    *report_urls.urlpatterns,
    path(f"{P}flags/", flags.flags, name="flags"),
    path("flags/<int:flag_id>/resolve/", flags.resolve, name="flag-resolve"),
    path(f"{P}exports/", lead_reports.exports, name="exports"),
    path(f"{P}exports/new/", lead_reports.export_new, name="export-new"),
    path("exports/<int:export_id>/", lead_reports.export_card, name="export"),
    path(
        "exports/<int:export_id>/download/",
        lead_reports.export_download,
        name="export-download",
    ),
    path(f"{P}runs/", lead_runs.runs, name="runs"),
    path(f"{P}runs/<int:run_id>/", lead_runs.run, name="run"),
    path(f"{P}runs/<int:run_id>/strip/", lead_runs.run_strip, name="run-strip"),
    path("runs/<int:run_id>/cancel/", lead_runs.cancel, name="run-cancel"),
    path("runs/<int:run_id>/retry/", lead_runs.retry, name="run-retry"),
    path(f"{P}activity/", lead_runs.activity, name="activity"),
]
