"""The addresses of who prefers what and of alerts; lead_urls.py includes them."""

from django.urls import path

from annotation.web import lead_alerts, lead_pluralism

P = "projects/<slug:slug>/"

urlpatterns = [
    path(f"{P}pluralism/", lead_pluralism.pluralism, name="pluralism"),
    path(f"{P}pluralism/measure/", lead_pluralism.pluralism_measure, name="pluralism-measure"),
    path(f"{P}alerts/", lead_alerts.alerts, name="alerts"),
    path(f"{P}alerts/rules/", lead_alerts.alert_rule_new, name="alert-rule-new"),
    path(
        "alert-rules/<int:alert_rule_id>/", lead_alerts.alert_rule_switch, name="alert-rule-switch"
    ),
    path(
        "alert-rules/<int:alert_rule_id>/delete/",
        lead_alerts.alert_rule_remove,
        name="alert-rule-delete",
    ),
    path("alerts/<int:alert_id>/seen/", lead_alerts.alert_seen, name="alert-seen"),
]
