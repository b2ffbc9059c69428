"""Every address: pages, REST, the admin, and what machines ask."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from alignui import health
from alignui.words import words
from annotation.api.base import Nothing

urlpatterns = [
    path("words/<str:language>.js", words, name="words"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include("rewardmodel.api.urls")),
    path("api/v1/", include("annotation.api.urls")),
    path("api/v1/<path:rest>", Nothing.as_view()),
    path("", include("annotation.urls")),
    path("", include("rewardmodel.urls")),
]
