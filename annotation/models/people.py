"""Who works here: users, the pools they belong to, and how they were let in."""

import hashlib
import secrets
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def token_digest(token: str) -> str:
    """SHA-256 of a secret token: the database never holds what would let someone in."""
    return hashlib.sha256(token.encode()).hexdigest()


def draw_token() -> str:
    return secrets.token_urlsafe(32)


def draw_pseudonym() -> str:
    return secrets.token_hex(6)


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str, **fields: object) -> "User":
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, or what judges like one: `judge_model` names the model behind an LLM judge."""

    class Kind(models.TextChoices):
        HUMAN = "human", "Person"
        IMPORTED = "imported", "Imported annotator"
        SIMULATED = "simulated", "Simulated annotator"

    username = models.CharField(max_length=150, unique=True)
    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.HUMAN)
    judge_model = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=8, blank=True)
    toured_at = models.DateTimeField(null=True, blank=True)
    pseudonym = models.CharField(max_length=32, unique=True, default=draw_pseudonym)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_unique"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["human", "imported", "simulated"]),
                name="user_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.username


class SelfDescription(models.Model):
    """What an annotator chose to say about themselves, for audits only; they may take it back."""

    class AgeBand(models.TextChoices):
        UNDER_25 = "18-24", _("18 to 24")
        UNDER_35 = "25-34", _("25 to 34")
        UNDER_45 = "35-44", _("35 to 44")
        UNDER_55 = "45-54", _("45 to 54")
        UNDER_65 = "55-64", _("55 to 64")
        OLDER = "65+", _("65 or older")

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="self_description")
    age_band = models.CharField(max_length=5, choices=AgeBand, blank=True)
    gender = models.CharField(max_length=60, blank=True)
    region = models.CharField(max_length=60, blank=True)
    first_languages = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    expertise = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"What {self.user} says of themselves"


class Pool(models.Model):
    """Annotators who may take the work of the projects that the pool serves.

    Quotas and caps hold for each person. `works_on` are ISO weekdays (1 is Monday), empty for all;
    hours are of `time_zone`. Whoever comes by the entry link of a crowd `platform` needs no
    invitation; `completion_code` and `return_url` take them back there when their quota is done.
    """

    class Platform(models.TextChoices):
        PROLIFIC = "prolific", "Prolific"
        MTURK = "mturk", "Mechanical Turk"
        OTHER = "other", "Another platform"

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    languages = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    skills = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    daily_quota = models.PositiveIntegerField(null=True, blank=True)
    total_quota = models.PositiveIntegerField(null=True, blank=True)
    harmful_daily_cap = models.PositiveIntegerField(null=True, blank=True)
    works_from = models.TimeField(null=True, blank=True)
    works_until = models.TimeField(null=True, blank=True)
    works_on = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    pay_per_judgment = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    pay_per_hour = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    pay_currency = models.CharField(max_length=3, blank=True)
    platform = models.CharField(max_length=8, choices=Platform, blank=True)
    entry_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    completion_code = models.CharField(max_length=64, blank=True)
    return_url = models.URLField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="pools")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(works_from__isnull=True, works_until__isnull=True)
                | models.Q(works_from__isnull=False, works_until__isnull=False),
                name="pool_hours_have_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person in a pool. Their own languages and skills, where given, go before the pool's."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        LEAD = "lead", _("Lead")
        REVIEWER = "reviewer", _("Reviewer")
        ANNOTATOR = "annotator", _("Annotator")
        VIEWER = "viewer", _("Viewer")

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        REMOVED = "removed", "Removed"

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.ANNOTATOR)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    is_qualified = models.BooleanField(default=True)
    languages = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    skills = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    external_id = models.CharField(max_length=128, blank=True)
    external_study = models.CharField(max_length=128, blank=True)
    external_session = models.CharField(max_length=128, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pool", "user"], name="membership_once_per_pool"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "lead", "reviewer", "annotator", "viewer"]),
                name="membership_role_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "paused", "removed"]),
                name="membership_state_known",
            ),
            models.UniqueConstraint(
                fields=["pool", "external_id"],
                condition=~models.Q(external_id=""),
                name="membership_external_id_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.pool} as {self.role}"


class Invitation(models.Model):
    """The only way to sign up: a single-use, expiring link into one pool with one role."""

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(
        max_length=10, choices=Membership.Role, default=Membership.Role.ANNOTATOR
    )
    email = models.EmailField(blank=True)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="invitation"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | models.Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation to {self.pool} as {self.role}"


class ApiToken(models.Model):
    """A person's key for the REST interface; only its digest is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
