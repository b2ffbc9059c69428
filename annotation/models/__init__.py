"""The vocabulary of the people half, as tables."""

from annotation.models.content import Completion, Policy, Prompt
from annotation.models.judgment import CriterionAnswer, Draft, Judgment, Rewrite, Span, Strength
from annotation.models.people import ApiToken, Invitation, Membership, Pool, SelfDescription, User
from annotation.models.project import Ask, ComparisonKind, Criterion, Project
from annotation.models.report import AgreementReport, BiasAudit, Export
from annotation.models.run import AuditEntry, Run
from annotation.models.work import Assignment, Batch, Candidate, Comparison, Flag

__all__ = [
    "AgreementReport",
    "ApiToken",
    "Ask",
    "Assignment",
    "AuditEntry",
    "Batch",
    "BiasAudit",
    "Candidate",
    "Comparison",
    "ComparisonKind",
    "Completion",
    "Criterion",
    "CriterionAnswer",
    "Draft",
    "Export",
    "Flag",
    "Invitation",
    "Judgment",
    "Membership",
    "Policy",
    "Pool",
    "Project",
    "Prompt",
    "Rewrite",
    "Run",
    "SelfDescription",
    "Span",
    "Strength",
    "User",
]
