"""Fills an installation with open work in bulk: what batches, prompts and people would have made.

`python -m benchmarks.filling` reads a Filling as JSON and writes the Filled. It is a process of
its own because Django belongs to one installation.
"""

import json
import sys
from dataclasses import asdict, dataclass
from itertools import combinations, islice
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotation.models import Batch, Pool, Project, User

SLUG = "bench-assignment"
PASSWORD = "a long enough pass phrase"
SAMPLES = 12  # completions of each prompt: 66 pairs
PAIRS = tuple(combinations(range(SAMPLES), 2))
TEXTS = 240  # different texts; every completion has one of them, with its own number
LANGUAGES = ("en", "de")
ASKS = ": how long do I fry the onions, and at what heat?"
WORDS = (
    "the a of and to in that is was for on with as by at from it this which or an be are not have "
    "pan oil heat water onion knife board minute slice stir lid flame butter salt pepper garlic "
    "slowly evenly golden soft thin sweet dry hot before after until while because then first "
    "again never always about under over between cut cook wait turn lower raise add keep taste"
)


@dataclass(frozen=True, slots=True)
class Filling:
    """How much: comparisons over batches, people, and what the veteran has judged already."""

    comparisons: int
    annotators: int
    newcomers: int
    crowd: int
    veteran_judgments: int
    overlap: int = 3
    batches: int = 5


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody signs in with: by password, by a session that is open, or by a token."""

    user: int
    username: str
    session: str
    token: str


@dataclass(frozen=True, slots=True)
class Filled:
    annotators: list[Person]
    newcomers: list[Person]
    crowd: list[Person]
    veteran: Person


def fill(filling: Filling) -> Filled:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        users, pool = _people(filling)
        project = _project(pool, filling)
        _content(cursor, project, filling)
        for number in range(filling.batches):
            _batch(cursor, project, filling, number)
    veteran, *others = users
    _history(project, veteran, filling.veteran_judgments)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    persons = iter([_person(user) for user in others])
    return Filled(
        annotators=list(islice(persons, filling.annotators)),
        newcomers=list(islice(persons, filling.newcomers)),
        crowd=list(persons),
        veteran=_person(veteran),
    )


def _people(filling: Filling) -> tuple[list["User"], "Pool"]:
    from django.contrib.auth.hashers import make_password
    from django.utils import timezone

    from annotation.models import ApiToken, Membership, User
    from annotation.models.people import token_digest
    from annotation.services.pools import pool_create

    pool = pool_create(actor=None, name="Bench")
    secret, now = make_password(PASSWORD), timezone.now()
    number = 1 + filling.annotators + filling.newcomers + filling.crowd
    users = User.objects.bulk_create(
        User(username=f"bench-{at}", password=secret, toured_at=now) for at in range(number)
    )
    Membership.objects.bulk_create(Membership(pool=pool, user=user) for user in users)
    ApiToken.objects.bulk_create(
        ApiToken(user=user, name="Bench", digest=token_digest(_token(user)), last_used_at=now)
        for user in users
    )
    return users, pool


def _person(user: "User") -> Person:
    """With a session as signing in makes it; hundreds of sign-ins would cost minutes of hashing."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return Person(user.pk, user.username, str(session.session_key), _token(user))


def _token(user: "User") -> str:
    return f"bench-token-{user.username}"


def _project(pool: "Pool", filling: Filling) -> "Project":
    from annotation.services.projects import project_create

    return project_create(
        actor=None, name="Bench assignment", slug=SLUG, pools=[pool], overlap=filling.overlap,
        guideline="Prefer the response that is **right**, then the one that is easier to follow.",
    )  # fmt: skip


def _content(cursor: Any, project: "Project", filling: Filling) -> None:
    """Prompts with SAMPLES completions each, rendered as the importer renders them.

    Each text begins with its completion's number, by which the load generator knows a comparison.
    """
    from annotation.core.rendering import render_markdown
    from annotation.models import Policy

    policies = Policy.objects.bulk_create(
        Policy(project=project, name=f"policy {at}", provider=Policy.Provider.RECORDED)
        for at in range(2)
    )
    random = Random(20)
    cursor.execute(
        "CREATE TEMPORARY TABLE bench_text (no int, body text, html text) ON COMMIT DROP"
    )
    for number in range(TEXTS):
        text = _text(random)
        cursor.execute(
            "INSERT INTO bench_text VALUES (%s, %s, %s)", [number, text, render_markdown(text)]
        )
    prompts = -(-filling.comparisons // len(PAIRS))
    cursor.execute(_PROMPTS, {"project": project.pk, "prompts": prompts,
                              "languages": list(LANGUAGES), "asks": ASKS})  # fmt: skip
    cursor.execute(_COMPLETIONS, {"project": project.pk, "samples": SAMPLES, "texts": TEXTS,
                                  "policies": [policy.pk for policy in policies]})  # fmt: skip


def _text(random: Random) -> str:
    """100 to 200 words in the shapes that answers have: paragraphs, a list, some emphasis."""
    known = WORDS.split()
    words = [random.choice(known) for _ in range(random.randint(100, 200))]
    for at in range(0, len(words), 25):
        words[at] = f"**{words[at]}**"
    third = len(words) // 3
    points = "\n".join("- " + " ".join(words[at : at + 12]) for at in range(third, 2 * third, 12))
    return (
        f"Answer @@\n\n{' '.join(words[:third])}.\n\n{points}\n\n"
        f"{' '.join(words[2 * third :])}, with `heat = power / area`.\n"
    )


_PROMPTS = """
INSERT INTO annotation_prompt
    (project_id, messages, rendered, content_hash, external_id, language, tags, source, metadata,
     is_unsafe, is_held_out, created_at)
SELECT %(project)s,
       jsonb_build_array(
           jsonb_build_object('role', 'user', 'content', 'Question ' || n || %(asks)s)),
       jsonb_build_array('<p>Question ' || n || %(asks)s || '</p>'),
       encode(sha256(convert_to('bench ' || n, 'UTF8')), 'hex'), 'bench-' || n,
       (%(languages)s::text[])[1 + n %% cardinality(%(languages)s::text[])], '{}', '', '{}',
       false, false, now()
  FROM generate_series(0, %(prompts)s - 1) AS n
 ORDER BY n
"""
_COMPLETIONS = """
INSERT INTO annotation_completion
    (prompt_id, policy_id, sample_index, text, html, finish_reason, created_at)
SELECT p.id, (%(policies)s::bigint[])[1 + k %% cardinality(%(policies)s::bigint[])],
       k / cardinality(%(policies)s::bigint[]),
       replace(t.body, '@@', p.id || '.' || k), replace(t.html, '@@', p.id || '.' || k), 'stop',
       now()
  FROM annotation_prompt p
 CROSS JOIN generate_series(0, %(samples)s - 1) AS k
  JOIN bench_text t ON t.no = (p.id * 31 + k * 17) %% %(texts)s
 WHERE p.project_id = %(project)s
 ORDER BY p.id, k
"""
_COMPARISONS = """
INSERT INTO annotation_comparison
    (project_id, batch_id, prompt_id, kind, state, overlap, utility, place, is_returned,
     gold_reason, suggestion_by, external_id, taken, judged, created_at)
SELECT %(project)s, %(batch)s, p.id, 'pairwise', 'open', %(overlap)s,
       round((('x' || substr(md5(n::text), 1, 7))::bit(28)::int / 268435456.0)::numeric, 4), 0,
       false, '', '', '', 0, 0, now()
  FROM generate_series(%(first)s::int, %(last)s::int) AS n
  JOIN annotation_prompt p ON p.project_id = %(project)s
   AND p.external_id = 'bench-' || n %% %(prompts)s
 ORDER BY n
"""
# A prompt's comparisons show its pairs in turn.
_CANDIDATES = """
INSERT INTO annotation_candidate (comparison_id, completion_id, position)
SELECT c.id, done.id, side.position
  FROM (SELECT id, prompt_id, row_number() OVER (PARTITION BY prompt_id ORDER BY id) AS turn
          FROM annotation_comparison WHERE batch_id = %(batch)s) AS c
 CROSS JOIN (VALUES (0), (1)) AS side (position)
  JOIN (SELECT id, prompt_id, row_number() OVER (PARTITION BY prompt_id ORDER BY id) - 1 AS k
          FROM annotation_completion) AS done
    ON done.prompt_id = c.prompt_id
   AND done.k = CASE side.position WHEN 0 THEN (%(left)s::int[])[%(before)s + c.turn]
                                          ELSE (%(right)s::int[])[%(before)s + c.turn] END
 ORDER BY c.id, side.position
"""


def _batch(cursor: Any, project: "Project", filling: Filling, number: int) -> "Batch":
    """One of the batches, queued by the same service as a batch that a lead opens."""
    from annotation.models import Batch
    from annotation.services.lanes import batch_queue

    prompts = -(-filling.comparisons // len(PAIRS))
    turns = _turns(filling, number)
    batch = Batch.objects.create(
        project=project, name=f"Batch {number + 1}", reason=Batch.Reason.MANUAL, seed=number
    )
    first = turns[0] * prompts
    last = min(turns[1] * prompts, filling.comparisons) - 1
    cursor.execute(
        "SET LOCAL session_replication_role = replica"
    )  # keys are right as they are made
    cursor.execute(_COMPARISONS, {"project": project.pk, "batch": batch.pk, "first": first,
                                  "last": last, "prompts": prompts,
                                  "overlap": filling.overlap})  # fmt: skip
    cursor.execute(_CANDIDATES, {"batch": batch.pk, "before": turns[0],
                                 "left": [pair[0] for pair in PAIRS],
                                 "right": [pair[1] for pair in PAIRS]})  # fmt: skip
    cursor.execute("SET LOCAL session_replication_role = origin")
    batch_queue(batch=batch)
    return batch


def _turns(filling: Filling, number: int) -> tuple[int, int]:
    """Which of each prompt's pairs a batch shows: from the first up to, not including, the last."""
    return tuple(len(PAIRS) * at // filling.batches for at in (number, number + 1))  # type: ignore[return-value]


_ASSIGNMENTS = """
INSERT INTO annotation_assignment
    (comparison_id, annotator_id, purpose, state, display_order, leased_at, expires_at, shown_at,
     closed_at, skip_reason, skip_note)
SELECT id, %(annotator)s, 'judge', 'submitted',
       CASE id %% 2 WHEN 0 THEN '{0,1}'::smallint[] ELSE '{1,0}' END,
       then_at, then_at + interval '20 minutes', then_at, then_at + interval '30 seconds', '', ''
  FROM (SELECT c.id, now() - interval '30 days' + row_number() OVER (ORDER BY c.place, c.id)
                     * interval '1 minute' AS then_at
          FROM annotation_comparison c JOIN annotation_lane l ON l.id = c.lane_id
         WHERE c.project_id = %(project)s
         ORDER BY c.place, c.id LIMIT %(number)s) AS top
"""
_JUDGMENTS = """
INSERT INTO annotation_judgment
    (comparison_id, annotator_id, assignment_id, revision, is_withdrawal, is_adjudication,
     idempotency_token, groups, strength, both_bad, rationale, active_ms, source, judged_at,
     created_at)
SELECT comparison_id, annotator_id, id, 0, false, false, gen_random_uuid(), '[[0], [1]]', 2, false,
       '', 25000, 'web', closed_at, closed_at
  FROM annotation_assignment WHERE annotator_id = %(annotator)s
"""


def _history(project: "Project", veteran: "User", number: int) -> None:
    """The head of every lane, judged by the veteran and still open for others."""
    from django.db import connection, transaction

    values = {"project": project.pk, "annotator": veteran.pk, "number": number}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ASSIGNMENTS, values)
        cursor.execute(_JUDGMENTS, values)
    try:
        from annotation.services.participations import participations_recount
    except ImportError:
        return
    participations_recount(project=project)


def main() -> None:
    from alignui.embedded import database

    database.set_up_django()
    print(json.dumps(asdict(fill(Filling(**json.load(sys.stdin))))))


if __name__ == "__main__":
    main()
