"""Projects as their present revision says, kept in the process: nobody asks twice for the same.

The database counts a revision whenever a project or one of its criteria changes; whoever knows the
revision of this moment may use what is kept under it. What is kept is for reading only.
"""

from functools import lru_cache

from annotation.models import Criterion, Project


@lru_cache(maxsize=256)
def settled_project(project_id: int, revision: int) -> Project:
    """The project with its criteria, as of a revision read in the present transaction."""
    return Project.objects.prefetch_related("criteria").get(pk=project_id)


def further_criteria(project: Project) -> list[Criterion]:
    """All but `overall`, in their order; without a query where they are loaded."""
    return [c for c in project.criteria.all() if c.key != Criterion.OVERALL]
