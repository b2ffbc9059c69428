from django.urls import include, path

from annotation.web import annotate, auth, flags, history, home, profile, reading

app_name = "annotation"
urlpatterns = [
    path("", home.home, name="home"),
    path("judge/<slug:slug>/", annotate.judge, name="judge"),
    path("guidelines/<slug:slug>/", home.guidelines, name="guidelines"),
    path("history/", history.page, name="history"),
    path("assignments/<int:assignment_id>/ahead/", annotate.ahead, name="ahead"),
    path("assignments/<int:assignment_id>/draft/", annotate.draft, name="draft"),
    path("assignments/<int:assignment_id>/submit/", annotate.submit, name="submit"),
    path("assignments/<int:assignment_id>/skip/", annotate.skip, name="skip"),
    path("assignments/<int:assignment_id>/written/", reading.written, name="written"),
    path("assignments/<int:assignment_id>/differences/", reading.compared, name="differences"),
    path("assignments/<int:assignment_id>/flag/", flags.flag, name="flag"),
    path("assignments/<int:assignment_id>/unskip/", annotate.unskip, name="unskip"),
    path("assignments/<int:assignment_id>/renew/", annotate.renew, name="renew"),
    path("judgments/<int:judgment_id>/withdraw/", annotate.withdraw, name="withdraw"),
    path("judgments/<int:judgment_id>/amend/", annotate.amend, name="amend"),
    path("toured/", home.toured, name="toured"),
    path("sign-in/", auth.sign_in, name="sign-in"),
    path("sign-out/", auth.sign_out, name="sign-out"),
    path("invitation/<str:token>/", auth.invitation, name="invitation"),
    path("theme/", auth.theme, name="theme"),
    path("profile/", profile.profile, name="profile"),
    path("language/", auth.language, name="language"),
    path("profile/about/", profile.describe, name="describe"),
    path("profile/about/withdraw/", profile.withdraw, name="describe-withdraw"),
    path("profile/name/", profile.name_change, name="name-change"),
    path("profile/password/", profile.password, name="password"),
    path("profile/tokens/", profile.token_create, name="token-create"),
    path("profile/tokens/<int:token_id>/revoke/", profile.token_revoke, name="token-revoke"),
    path("", include("annotation.web.lead_urls")),
]
