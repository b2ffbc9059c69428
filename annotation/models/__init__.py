"""The vocabulary of the people half, as tables."""

from annotation.models.alert import Alert, AlertMessage, AlertRule
from annotation.models.content import Completion, Policy, Prompt
from annotation.models.judgment import CriterionAnswer, Draft, Judgment, Rewrite, Span, Strength
from annotation.models.participation import (
    Intervention,
    PairOrder,
    Participation,
    QualityRule,
    SittingClock,
    WorkDay,
)
from annotation.models.people import ApiToken, Invitation, Membership, Pool, SelfDescription, User
from annotation.models.project import (
    AcquisitionUnit,
    Ask,
    ComparisonKind,
    Criterion,
    Project,
    ProjectRole,
    RewardModelKind,
)
from annotation.models.qualification import (
    Qualification,
    QualificationAnswer,
    QualificationAttempt,
    QualificationItem,
)
from annotation.models.report import (
    AgreementReport,
    AgreementSums,
    BiasAudit,
    Export,
    PeopleReport,
    PersonReport,
    PluralismReport,
)
from annotation.models.review import Dispute
from annotation.models.run import AuditEntry, Run
from annotation.models.work import Assignment, Batch, Candidate, Comparison, Flag, Lane

__all__ = [
    "AcquisitionUnit",
    "AgreementReport",
    "AgreementSums",
    "Alert",
    "AlertMessage",
    "AlertRule",
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
    "Dispute",
    "Draft",
    "Export",
    "Flag",
    "Intervention",
    "Invitation",
    "Judgment",
    "Lane",
    "Membership",
    "PairOrder",
    "Participation",
    "PeopleReport",
    "PersonReport",
    "PluralismReport",
    "Policy",
    "Pool",
    "Project",
    "ProjectRole",
    "Prompt",
    "Qualification",
    "QualificationAnswer",
    "QualificationAttempt",
    "QualificationItem",
    "QualityRule",
    "RewardModelKind",
    "Rewrite",
    "Run",
    "SelfDescription",
    "SittingClock",
    "Span",
    "Strength",
    "User",
    "WorkDay",
]
