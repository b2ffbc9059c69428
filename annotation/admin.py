"""The tables as they stand, for whoever keeps the installation running.

The admin looks and never touches: what changes goes through services, which check, lock and log.
"""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from annotation import models


class ReadOnly(admin.ModelAdmin):
    """No row is added, changed or deleted here; large tables are not counted twice."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.User)
class UserAdmin(ReadOnly):
    list_display = ["username", "name", "kind", "is_active", "is_superuser", "date_joined"]
    list_filter = ["kind", "is_active"]
    search_fields = ["username", "name", "pseudonym"]
    exclude = ["password", "groups", "user_permissions"]


@admin.register(models.Pool)
class PoolAdmin(ReadOnly):
    list_display = ["name", "daily_quota", "total_quota", "created_at"]


@admin.register(models.Membership)
class MembershipAdmin(ReadOnly):
    list_display = ["user", "pool", "role", "state", "is_qualified"]
    list_filter = ["role", "state", "pool"]
    list_select_related = ["user", "pool"]


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["pool", "role", "email", "expires_at", "accepted_at", "revoked_at"]
    list_select_related = ["pool"]
    exclude = ["token_digest"]


@admin.register(models.ApiToken)
class ApiTokenAdmin(ReadOnly):
    list_display = ["name", "user", "created_at", "last_used_at", "revoked_at"]
    list_select_related = ["user"]
    exclude = ["digest"]


@admin.register(models.Project)
class ProjectAdmin(ReadOnly):
    list_display = ["name", "slug", "kind", "overlap", "is_archived", "created_at"]
    list_filter = ["kind", "is_archived"]


@admin.register(models.Criterion)
class CriterionAdmin(ReadOnly):
    list_display = ["name", "project", "scale", "is_required", "position"]
    list_select_related = ["project"]


@admin.register(models.Prompt)
class PromptAdmin(ReadOnly):
    list_display = ["__str__", "project", "external_id", "language", "is_held_out"]
    list_filter = ["project", "is_held_out", "is_unsafe"]
    list_select_related = ["project"]
    search_fields = ["external_id", "content_hash"]


@admin.register(models.Policy)
class PolicyAdmin(ReadOnly):
    list_display = ["name", "version", "project", "provider", "model", "is_active"]
    list_filter = ["project", "provider"]
    list_select_related = ["project"]


@admin.register(models.Completion)
class CompletionAdmin(ReadOnly):
    list_display = ["id", "prompt_id", "policy", "sample_index", "finish_reason", "created_at"]
    list_select_related = ["policy"]
    raw_id_fields = ["prompt", "policy"]


@admin.register(models.Batch)
class BatchAdmin(ReadOnly):
    list_display = ["name", "project", "reason", "state", "created_at", "closed_at"]
    list_filter = ["reason", "state", "project"]
    list_select_related = ["project"]


@admin.register(models.Comparison)
class ComparisonAdmin(ReadOnly):
    list_display = ["id", "project", "kind", "state", "overlap", "taken", "judged", "utility"]
    list_filter = ["project", "state", "kind"]
    list_select_related = ["project"]
    raw_id_fields = ["batch", "prompt", "repeat_of"]


@admin.register(models.Candidate)
class CandidateAdmin(ReadOnly):
    list_display = ["id", "comparison_id", "completion_id", "position"]


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnly):
    list_display = ["id", "comparison_id", "annotator", "state", "leased_at", "expires_at"]
    list_filter = ["state"]
    list_select_related = ["annotator"]
    raw_id_fields = ["comparison", "annotator"]


@admin.register(models.Judgment)
class JudgmentAdmin(ReadOnly):
    list_display = ["id", "comparison_id", "annotator", "revision", "source", "judged_at"]
    list_filter = ["source", "is_withdrawal"]
    list_select_related = ["annotator"]
    raw_id_fields = ["comparison", "annotator", "assignment", "supersedes"]


@admin.register(models.CriterionAnswer)
class CriterionAnswerAdmin(ReadOnly):
    list_display = ["judgment_id", "criterion", "strength"]
    list_select_related = ["criterion"]


@admin.register(models.Span)
class SpanAdmin(ReadOnly):
    list_display = ["judgment_id", "candidate_id", "label", "start", "end"]


@admin.register(models.Rewrite)
class RewriteAdmin(ReadOnly):
    list_display = ["judgment_id", "candidate_id"]


@admin.register(models.Flag)
class FlagAdmin(ReadOnly):
    list_display = ["id", "project", "kind", "raised_by", "created_at", "resolved_at"]
    list_filter = ["project", "kind"]
    list_select_related = ["project", "raised_by"]


@admin.register(models.AgreementReport)
class AgreementReportAdmin(ReadOnly):
    list_display = ["project", "criterion", "estimate", "low", "high", "n_judgments", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project", "criterion"]


@admin.register(models.BiasAudit)
class BiasAuditAdmin(ReadOnly):
    list_display = ["project", "bias", "estimate", "low", "high", "n_judgments", "created_at"]
    list_filter = ["project", "bias"]
    list_select_related = ["project"]


@admin.register(models.PeopleReport)
class PeopleReportAdmin(ReadOnly):
    list_display = ["project", "criterion", "n_annotators", "n_judgments", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project", "criterion"]


@admin.register(models.PersonReport)
class PersonReportAdmin(ReadOnly):
    list_display = ["report_id", "annotator", "n", "reliability", "weight", "action"]
    list_filter = ["action"]
    list_select_related = ["annotator"]


@admin.register(models.PluralismReport)
class PluralismReportAdmin(ReadOnly):
    list_display = ["project", "criterion", "estimate", "low", "high", "n_compared", "created_at"]
    list_select_related = ["project", "criterion"]
    list_filter = ["project"]


@admin.register(models.AlertRule)
class AlertRuleAdmin(ReadOnly):
    list_display = ["__str__", "project", "subject", "is_active", "created_at"]
    list_select_related = ["project"]
    exclude = ["secret"]


@admin.register(models.Alert)
class AlertAdmin(ReadOnly):
    list_display = ["__str__", "rule", "opened_at", "seen_at", "closed_at"]
    list_select_related = ["rule"]


@admin.register(models.AlertMessage)
class AlertMessageAdmin(ReadOnly):
    list_display = ["alert", "channel", "address", "state", "attempts", "next_try_at", "sent_at"]
    list_select_related = ["alert"]
    list_filter = ["state", "channel"]


@admin.register(models.Export)
class ExportAdmin(ReadOnly):
    list_display = ["id", "project", "rows", "byte_size", "sha256", "created_by", "created_at"]
    list_select_related = ["project", "created_by"]


@admin.register(models.Run)
class RunAdmin(ReadOnly):
    list_display = ["id", "kind", "project", "state", "percent", "attempt", "created_at"]
    list_filter = ["kind", "state", "project"]
    list_select_related = ["project"]


@admin.register(models.AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ["at", "actor", "action", "subject", "project"]
    list_filter = ["project"]
    list_select_related = ["actor", "project"]
    search_fields = ["action", "subject"]
