"""The addresses of qualification, gold and integrity; lead_urls.py includes them."""

from django.urls import path

from annotation.web import lead_gold, lead_integrity, lead_qualification, lead_quality

P = "projects/<slug:slug>/"

urlpatterns = [
    path(f"{P}qualification/", lead_qualification.qualifications, name="qualifications"),
    path(f"{P}qualification/new/", lead_qualification.qualification_new, name="qualification-new"),
    path(
        "qualifications/<int:qualification_id>/",
        lead_qualification.qualification,
        name="qualification",
    ),
    path(
        "qualifications/<int:qualification_id>/settings/",
        lead_qualification.qualification_settings,
        name="qualification-settings",
    ),
    path(
        "qualifications/<int:qualification_id>/open/",
        lead_qualification.qualification_open,
        name="qualification-open",
    ),
    path(
        "qualifications/<int:qualification_id>/items/",
        lead_qualification.qualification_items,
        name="qualification-items",
    ),
    path(
        "qualifications/<int:qualification_id>/person/",
        lead_qualification.qualification_person,
        name="qualification-person",
    ),
    path(
        "qualification-items/<int:item_id>/",
        lead_qualification.qualification_item,
        name="qualification-item",
    ),
    path(f"{P}gold/", lead_gold.gold, name="gold"),
    path(f"{P}gold/new/", lead_gold.gold_new, name="gold-new"),
    path("gold/<int:gold_id>/", lead_gold.gold_edit, name="gold-edit"),
    path(f"{P}integrity/", lead_integrity.integrity, name="integrity"),
    path(
        f"{P}integrity/compared/",
        lead_integrity.integrity_compared,
        name="integrity-compared",
    ),
    path(f"{P}integrity/measure/", lead_integrity.integrity_measure, name="integrity-measure"),
    path(f"{P}integrity/rules/", lead_integrity.rule_new, name="rule-new"),
    path(
        f"{P}integrity/people/<int:user_id>/",
        lead_integrity.integrity_person,
        name="integrity-person",
    ),
    path(
        f"{P}integrity/people/<int:user_id>/intervene/",
        lead_integrity.intervene,
        name="intervene",
    ),
    path(f"{P}quality/", lead_quality.people_quality, name="people-quality"),
    path(f"{P}quality/measure/", lead_quality.measure, name="people-quality-measure"),
    path(
        "people-reports/<int:people_report_id>/alike/<int:number>/",
        lead_quality.alike,
        name="alike",
    ),
    path("rules/<int:rule_id>/", lead_integrity.rule_switch, name="rule-switch"),
    path("interventions/<int:intervention_id>/lift/", lead_integrity.lift, name="lift"),
    path("interventions/<int:intervention_id>/replay/", lead_integrity.replay, name="replay"),
]
