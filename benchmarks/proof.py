"""Says from the database alone whether every judgment that was accepted is there, and no other."""

from collections.abc import Sequence

import psycopg

_WRONG = {
    "comparisons with more judges than their overlap": """
        SELECT count(*) FROM annotation_comparison WHERE taken > overlap OR judged > taken
    """,
    "comparisons whose assignments are more than their overlap, or not as counted": """
        SELECT count(*)
          FROM annotation_comparison c
          LEFT JOIN (SELECT comparison_id, count(*) AS judged_or_leased,
                            count(*) FILTER (WHERE state = 'submitted') AS submitted
                       FROM annotation_assignment
                      WHERE purpose = 'judge' AND state IN ('leased', 'submitted')
                      GROUP BY comparison_id) a ON a.comparison_id = c.id
         WHERE COALESCE(a.judged_or_leased, 0) <> c.taken OR COALESCE(a.submitted, 0) <> c.judged
            OR COALESCE(a.judged_or_leased, 0) > c.overlap
    """,
    "comparisons that somebody was given twice": """
        SELECT count(*) FROM (SELECT FROM annotation_assignment
                               GROUP BY comparison_id, annotator_id HAVING count(*) > 1) AS twice
    """,
    "submitted assignments without exactly one judgment": """
        SELECT count(*)
          FROM annotation_assignment a
         WHERE a.state = 'submitted'
           AND (SELECT count(*) FROM annotation_judgment j WHERE j.assignment_id = a.id) <> 1
    """,
    "accepted judgments that are not in the database": """
        SELECT count(*) FROM accepted WHERE NOT EXISTS (
            SELECT FROM annotation_judgment j WHERE j.idempotency_token = accepted.token)
    """,
    "judgments in the database that were never accepted": """
        SELECT count(*) - (SELECT count(*) FROM accepted) - %(before)s FROM annotation_judgment
    """,
}


class Disproved(Exception):
    """The database holds something that it must not hold."""


def prove(url: str, *, accepted: Sequence[str], before: int) -> None:
    """`accepted` are the tokens of all judgments that were answered with success.

    `before` is how many judgments there were when the work began. Raises Disproved.
    """
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE accepted (token uuid PRIMARY KEY)")
        with cursor.copy("COPY accepted FROM STDIN") as copy:
            for token in accepted:
                copy.write_row((token,))
        for words, query in _WRONG.items():
            row = cursor.execute(query, {"before": before}).fetchone()
            if row is None or row[0] != 0:
                raise Disproved(f"{words}: {row and row[0]:,}")
