"""What is judged: prompts, the policies that answer them, and their completions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.models.project import Project


class Prompt(models.Model):
    """A conversation that ends with the user's turn: messages = [{role, content}].

    `rendered` is the HTML of each message, made when the prompt was stored.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts")
    messages = models.JSONField()
    rendered = models.JSONField(default=list, blank=True)
    content_hash = models.CharField(max_length=64)
    external_id = models.CharField(max_length=128, blank=True)
    language = models.CharField(max_length=16, blank=True)
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    source = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    is_unsafe = models.BooleanField(default=False)
    is_held_out = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "content_hash"], name="prompt_once"),
        ]

    def __str__(self) -> str:
        text = self.last_turn
        return text if len(text) <= 80 else f"{text[:79]}…"

    @property
    def last_turn(self) -> str:
        return str(self.messages[-1]["content"]) if self.messages else ""


class Policy(models.Model):
    """A model with its decoding settings and system prompt; a change is a new version.

    `family` groups models of one origin, so that it can be asked whether judges favour their own.
    """

    class Provider(models.TextChoices):
        TRANSFORMERS = "transformers", "Generated here"
        RECORDED = "recorded", "Recorded elsewhere"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="policies")
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=1)
    provider = models.CharField(max_length=12, choices=Provider, default=Provider.TRANSFORMERS)
    model = models.CharField(max_length=300, blank=True)
    family = models.CharField(max_length=60, blank=True)
    system_prompt = models.TextField(blank=True)
    decoding = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "name", "version"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name", "version"], name="policy_version_once"
            ),
            models.CheckConstraint(
                condition=models.Q(provider__in=["transformers", "recorded"]),
                name="policy_provider_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name} v{self.version}"


class Completion(models.Model):
    """One policy's text for one prompt; pages call it a response."""

    class FinishReason(models.TextChoices):
        STOP = "stop", "Ended by itself"
        LENGTH = "length", "Cut at the token limit"
        UNKNOWN = "unknown", "Not recorded"

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="completions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="completions")
    sample_index = models.PositiveIntegerField(default=0)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    mean_logprob = models.FloatField(null=True, blank=True)
    finish_reason = models.CharField(
        max_length=8, choices=FinishReason, default=FinishReason.UNKNOWN
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["prompt", "policy", "sample_index"], name="completion_sample_once"
            ),
            models.CheckConstraint(
                condition=models.Q(finish_reason__in=["stop", "length", "unknown"]),
                name="completion_finish_reason_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} on prompt {self.prompt_id}, sample {self.sample_index}"
