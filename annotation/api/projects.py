"""Who I am, and the projects that are mine to see."""

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, View, documented, person
from annotation.models import Criterion, Project, User
from annotation.selectors import access


class MeOut(serializers.ModelSerializer):
    leads = serializers.SerializerMethodField()
    annotates = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["username", "name", "kind", "pseudonym", "leads", "annotates"]
        read_only_fields = fields

    def get_leads(self, user: User) -> list[str]:
        return list(access.projects_led(user).values_list("slug", flat=True))

    def get_annotates(self, user: User) -> list[str]:
        return [project.slug for project in access.projects_annotated(user)]


class CriterionOut(serializers.ModelSerializer):
    class Meta:
        model = Criterion
        fields = ["key", "name", "guideline", "scale", "is_required"]
        read_only_fields = fields


class ProjectOut(serializers.ModelSerializer):
    criteria = CriterionOut(many=True, read_only=True)
    roles = serializers.SerializerMethodField(help_text="Yours, in the project's pools.")

    class Meta:
        model = Project
        fields = [
            "slug", "name", "description", "question", "guideline", "content_warning",
            "attribution", "kind", "candidates", "overlap", "strength_levels", "allow_tie",
            "allow_both_bad", "allow_amend", "rationale", "confidence", "spans", "rewrite",
            "is_archived", "created_at", "criteria", "roles",
        ]  # fmt: skip
        read_only_fields = fields

    def get_roles(self, project: Project) -> list[str]:
        return sorted(access.roles(self.context["request"].user, project))


class Me(View):
    @documented(MeOut, operation_id="me")
    def get(self, request: Request) -> Response:
        """The person whose token this is."""
        return Response(MeOut(person(request)).data)


class Projects(ListView):
    """The projects that you lead, view or annotate."""

    queryset = Project.objects.none()
    serializer_class = ProjectOut

    def get_queryset(self) -> QuerySet[Project]:
        return access.projects_visible(person(self.request)).prefetch_related("criteria")


class ProjectDetail(View):
    @documented(ProjectOut, operation_id="projects_retrieve")
    def get(self, request: Request, slug: str) -> Response:
        """One project: what is asked, how, and which roles you have in it."""
        project = access.project_for_member(user=person(request), slug=slug)
        return Response(ProjectOut(project, context={"request": request}).data)
