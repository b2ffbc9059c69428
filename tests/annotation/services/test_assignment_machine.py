"""Every way in which leases, answers, pauses and closings can follow each other, against a model.

The model is plain Python: lists and sets, no counters, no frontiers. It says who must be given
which comparison next, which requests must be refused, and what must have been counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from annotation.core.errors import Conflict
from annotation.models import (
    Assignment,
    Batch,
    Comparison,
    Intervention,
    Judgment,
    Membership,
    Participation,
    User,
)
from annotation.services import leasing
from annotation.services.assignments import (
    assignment_claim,
    assignment_claim_ahead,
    assignment_release,
    assignment_renew,
    assignment_show,
    assignment_skip,
    assignment_unskip,
    assignments_expire,
)
from annotation.services.batches import batch_state_set
from annotation.services.interventions import intervention_lift, intervention_open
from annotation.services.judgments import (
    JudgmentInput,
    judgment_submit,
    judgment_submit_and_claim,
    judgment_withdraw,
)
from annotation.services.lanes import lanes_refresh, project_queue
from annotation.services.participations import participation_of
from annotation.services.people import membership_state_set
from tests.annotation.services.assignment_model import (
    LEASED,
    OPEN,
    RECENT,
    RETURNED,
    SKIPPED,
    SUBMITTED,
    Lease,
    Model,
    Task,
    Worker,
)
from tests.factories import (
    make_batch,
    make_completion,
    make_policy,
    make_pool,
    make_project,
    make_prompt,
    make_user,
)

ANSWER = JudgmentInput(groups=((0,), (1,)), active_ms=700)
QUOTA = 3
EXAMPLES, STEPS = 24, 45


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(Conflict):
        yield


class Assigning(RuleBasedStateMachine):
    """Three people, two batches, comparisons of overlap 1 to 3, and whatever may happen."""

    leases = Bundle("leases")
    sent = Bundle("sent")

    @initialize(
        target=leases,
        utilities=st.lists(st.integers(0, 3), min_size=8, max_size=8),
        overlaps=st.lists(st.integers(1, 3), min_size=8, max_size=8),
    )
    def begin(self, utilities: list[int], overlaps: list[int]) -> object:
        """Everybody has begun."""
        self.model = Model()
        self.lead = make_user()
        free = make_pool(owner=[self.lead])
        capped = make_pool()
        capped.total_quota = QUOTA
        capped.save()
        self.project = make_project(pool=free, overlap=1, lease_seconds=1000)
        self.project.oldest_share = self.project.gold_rate = 0.0
        self.project.save()
        self.project.pools.add(capped)
        self._enter(free)
        self._enter(free, languages=("de",))
        self._enter(capped, quota=QUOTA)
        policies = [make_policy(self.project) for _ in range(3)]
        prompts = [make_prompt(self.project, language=code) for code in ("", "de", "en")]
        pairs = [
            (make_completion(prompt, one), make_completion(prompt, other))
            for prompt in prompts
            for one, other in ((policies[0], policies[1]), (policies[1], policies[2]))
        ]
        for at, some in enumerate((pairs[:4], [*pairs[4:], *pairs[:2]])):
            self._open(some, utilities[at * 4 : at * 4 + 4], overlaps[at * 4 : at * 4 + 4])
        return multiple(*filter(None, (self._claim(who) for who in range(3))))

    def _enter(self, pool: object, **terms: object) -> None:
        user = make_user()
        membership = Membership.objects.create(pool=pool, user=user, role="annotator")
        membership.languages = list(terms.get("languages", ()))
        membership.save()
        self.model.people.append(Worker(user, **terms))

    def _open(self, pairs: list, utilities: list[int], overlaps: list[int]) -> None:
        batch = make_batch(self.project, *pairs)
        self.model.batches[batch.pk] = OPEN
        made = batch.comparisons.select_related("prompt").order_by("id")
        for row, utility, overlap in zip(made, utilities, overlaps, strict=True):
            Comparison.objects.filter(pk=row.pk).update(utility=utility, overlap=overlap)
            task = Task(row.pk, batch.pk, row.prompt_id, row.prompt.language, overlap, utility)
            task.lane = row.lane_id
            self.model.tasks.append(task)
        self._queue_anew()

    def _queue_anew(self) -> None:
        project_queue(project=self.project)
        self.model.queue()

    def _row(self, lease: Lease) -> Assignment:
        return Assignment.objects.select_related("comparison__project").get(pk=lease.key)

    def _user(self, lease: Lease) -> User:
        return self.model.people[lease.who].user

    def _given(
        self, who: int, row: Assignment | None, *, is_shown: bool, sweeps: bool
    ) -> Lease | None:
        """Checks a new lease against the model's choice, and notes it."""
        model = self.model
        expected = model.next(who) if model.may_have_more(who) else None
        if expected is None and sweeps and model.may_have_more(who):
            self._sweep()
            expected = model.next(who)
        if expected is None:
            assert row is None
            return None
        assert row is not None
        assert row.comparison_id == expected.key
        lease = Lease(row.pk, who, expected)
        model.leases.append(lease)
        person = model.people[who]
        person.recent = [expected.prompt, *person.recent][:RECENT]
        if is_shown:
            model.show(lease)
        return lease

    def _sweep(self) -> int:
        lapsed = self.model.lapsed()
        for lease in lapsed:
            self.model.end(lease, RETURNED)
        return len(lapsed)

    @rule(target=leases, who=st.integers(0, 2))
    def claim(self, who: int) -> object:
        return self._claim(who) or multiple()

    def _claim(self, who: int) -> Lease | None:
        row = assignment_claim(annotator=self.model.people[who].user, project=self.project)
        person, held = self.model.people[who], self.model.held(who)
        if person.is_barred or not person.is_member:
            assert row is None
            return None
        if held:
            assert row is not None
            assert row.pk == held[0].key
            self.model.show(held[0])
            return None
        return self._given(who, row, is_shown=True, sweeps=True)

    @rule(target=leases, present=leases)
    def claim_ahead(self, present: Lease) -> object:
        row = assignment_claim_ahead(annotator=self._user(present), shown=self._row(present))
        person = self.model.people[present.who]
        if present.state == LEASED and present.seen is None:
            self.model.show(present)
        if person.is_barred or not person.is_member:
            assert row is None
            return multiple()
        held = [lease for lease in self.model.held(present.who) if lease is not present]
        if held:
            assert row is not None
            assert row.pk == held[0].key
            return multiple()
        lease = self._given(present.who, row, is_shown=False, sweeps=True)
        return multiple() if lease is None else lease

    @rule(lease=leases, renews=st.booleans())
    def show_or_renew(self, lease: Lease, renews: bool) -> None:
        service = assignment_renew if renews else assignment_show
        if lease.state != LEASED:
            with refused():
                service(annotator=self._user(lease), assignment=self._row(lease))
            return
        service(annotator=self._user(lease), assignment=self._row(lease))
        if renews:
            for other in self.model.held(lease.who):
                other.has_lapsed = other.has_lapsed and other.seen is not None
            lease.has_lapsed = False
        else:
            self.model.show(lease)

    @rule(lease=leases, skips=st.booleans())
    def release_or_skip(self, lease: Lease, skips: bool) -> None:
        (self._skip if skips else self._release)(lease)

    def _release(self, lease: Lease) -> None:
        if lease.state != LEASED:
            with refused():
                assignment_release(annotator=self._user(lease), assignment=self._row(lease))
            return
        assignment_release(annotator=self._user(lease), assignment=self._row(lease))
        self.model.end(lease, RETURNED)

    def _skip(self, lease: Lease) -> None:
        act = {"annotator": self._user(lease), "assignment": self._row(lease), "reason": "other"}
        if lease.state == SUBMITTED:
            with refused():
                assignment_skip(**act)
            return
        assignment_skip(**act)
        self.model.end(lease, SKIPPED)

    @rule(lease=leases)
    def unskip(self, lease: Lease) -> None:
        act = {"annotator": self._user(lease), "assignment": self._row(lease)}
        if lease.state != LEASED and not (lease.state == SKIPPED and self.model.has_room(lease)):
            with refused():
                assignment_unskip(**act)
            return
        assignment_unskip(**act)
        if lease.state == SKIPPED:
            self._lease_again(lease)

    def _lease_again(self, lease: Lease) -> None:
        lease.state, lease.seen, lease.has_lapsed = LEASED, next(self.model.moments), False

    @rule(target=sent, lease=leases)
    def submit(self, lease: Lease) -> object:
        """Late answers are kept where there is room; a second answer amends the first."""
        token = uuid4()
        act = {"annotator": self._user(lease), "assignment": self._row(lease), "token": token}
        if not self._may_submit(lease):
            with refused():
                judgment_submit(**act, answer=ANSWER)
            return multiple()
        judgment_submit(**act, answer=ANSWER)
        self._submitted(lease, token)
        return lease, token

    @rule(target=leases, lease=leases, following=st.none() | leases, is_shown=st.booleans())
    def submit_and_claim(self, lease: Lease, following: Lease | None, is_shown: bool) -> object:
        """As the page does: what it held ahead is shown, and what comes next is leased with it."""
        if not self.model.people[lease.who].is_member or not self._may_submit(lease):
            return multiple()
        token = uuid4()
        done = judgment_submit_and_claim(
            annotator=self._user(lease), assignment_id=lease.key, token=token,
            read=lambda asked: ANSWER, shows=following and following.key, is_shown=is_shown,
        )  # fmt: skip
        shows = following is not None and following is not lease
        shows = shows and following.who == lease.who and following.state == LEASED
        self._submitted(lease, token)
        if shows:
            self.model.show(following)
        assert done.day is not None
        assert done.day.is_ahead_shown == shows
        row = done.following.assignment if done.following else None
        if self.model.count(lease.who, LEASED) > shows:
            assert row is None
            return multiple()
        given = self._given(lease.who, row, is_shown=is_shown, sweeps=False)
        return multiple() if given is None else given

    def _may_submit(self, lease: Lease) -> bool:
        if lease.state == RETURNED:
            return self.model.has_room(lease)
        return lease.state != SKIPPED

    def _submitted(self, lease: Lease, token: UUID) -> None:
        lease.judgments.append((token, False))
        self.model.end(lease, SUBMITTED)

    @rule(answer=sent)
    def submit_again(self, answer: tuple[Lease, UUID]) -> None:
        lease, token = answer
        again = judgment_submit(
            annotator=self._user(lease), assignment=self._row(lease), token=token, answer=ANSWER
        )
        assert again.idempotency_token == token

    @rule(answer=consumes(sent))
    def withdraw(self, answer: tuple[Lease, UUID]) -> None:
        lease, token = answer
        judgment = Judgment.objects.get(idempotency_token=token)
        act = {"annotator": self._user(lease), "judgment": judgment, "token": uuid4()}
        if lease.state != SUBMITTED or lease.judgments[-1][0] != token:
            with refused():
                judgment_withdraw(**act)
            return
        judgment_withdraw(**act)
        judgment_withdraw(**act)  # the second delivery changes nothing
        lease.judgments.append((act["token"], True))
        self._lease_again(lease)

    @rule(lease=leases, is_swept=st.booleans())
    def let_lapse(self, lease: Lease, is_swept: bool) -> None:
        Assignment.objects.filter(pk=lease.key).update(expires_at="2020-01-01T00:00Z")
        lease.has_lapsed = lease.state == LEASED
        if is_swept:
            assert assignments_expire(project=self.project) == self._sweep()

    @rule(data=st.data(), act=st.sampled_from(["member", "intervene", "batch", "queue"]))
    def lead_acts(self, data: st.DataObject, act: str) -> None:
        """Half of what a lead does is to put right what they did before."""
        who, puts_right = data.draw(st.integers(0, 2)), data.draw(st.booleans())
        if act == "member":
            others = st.sampled_from(["paused", "removed"])
            self._set_member(who, "active" if puts_right else data.draw(others))
        elif act == "intervene" and puts_right:
            self._lift()
        elif act == "intervene":
            self._intervene(who, data.draw(st.sampled_from(["pause", "quarantine"])))
        elif act == "batch":
            others = st.sampled_from(["paused", "closed"])
            self._set_batch(who % 2, OPEN if puts_right else data.draw(others))
        elif puts_right:
            self._refresh_lanes()
        else:
            self._revalue(data.draw(st.integers(0, 7)), data.draw(st.integers(0, 3)))

    def _set_member(self, who: int, state: str) -> None:
        person = self.model.people[who]
        membership = Membership.objects.get(user=person.user)
        membership_state_set(actor=self.lead, membership=membership, state=state)
        person.is_member = state == "active"
        if not person.is_member:
            self._return(lambda lease: lease.who == who)

    def _intervene(self, who: int, action: str) -> None:
        person = self.model.people[who]
        taken = participation_of(annotator=person.user, project=self.project)
        if Intervention.objects.filter(
            participation=taken, action=action, lifted_at__isnull=True
        ).exists():
            return
        intervention_open(participation=taken, action=action, reason="Why", actor=self.lead)
        person.is_barred = True
        self._return(lambda lease: lease.who == who)

    def _lift(self) -> None:
        for done in Intervention.objects.filter(
            participation__project=self.project, lifted_at__isnull=True
        ):
            intervention_lift(actor=self.lead, intervention=done, reason="Enough")
        for person in self.model.people:
            person.is_barred = False

    def _set_batch(self, at: int, state: str) -> None:
        key = list(self.model.batches)[at]
        act = {"actor": self.lead, "batch": Batch.objects.get(pk=key), "state": state}
        if self.model.batches[key] == state:
            with refused():
                batch_state_set(**act)
            return
        batch_state_set(**act)
        self.model.batches[key] = state
        if state != OPEN:
            self._return(lambda lease: lease.task.batch == key)

    def _return(self, whose: object) -> None:
        for lease in self.model.leases:
            if lease.state == LEASED and whose(lease):
                self.model.end(lease, RETURNED)

    def _revalue(self, at: int, utility: int) -> None:
        """An acquisition finds one comparison more or less useful: everybody's turn changes."""
        task = self.model.tasks[at]
        if self.model.batches[task.batch] != "closed":
            Comparison.objects.filter(pk=task.key).update(utility=utility)
            task.utility = utility
        self._queue_anew()

    def _refresh_lanes(self) -> None:
        lanes_refresh()
        model = self.model
        for lane, batch in {(task.lane, task.batch) for task in model.tasks}:
            tasks = [task for task in model.tasks if task.lane == lane]
            has_room = any(len(model.of(t, LEASED, SUBMITTED)) < t.overlap for t in tasks)
            if model.batches[batch] == OPEN:
                (model.drained.discard if has_room else model.drained.add)(lane)

    @invariant(check_during_init=False)
    def everything_is_counted(self) -> None:
        model = self.model
        rows = Comparison.objects.filter(project=self.project).values_list("pk", "taken", "judged")
        assert {key: (taken, judged) for key, taken, judged in rows} == {
            task.key: (len(model.of(task, LEASED, SUBMITTED)), len(model.of(task, SUBMITTED)))
            for task in model.tasks
        }
        parts = Participation.objects.filter(project=self.project)
        counted = {part.annotator_id: (part.judged, part.skipped) for part in parts}
        assert counted == {
            person.user.pk: (model.count(who, SUBMITTED), model.count(who, SKIPPED))
            for who, person in enumerate(model.people)
        }

    @invariant(check_during_init=False)
    def nobody_has_one_twice_or_more_than_their_quota(self) -> None:
        rows = Assignment.objects.filter(
            comparison__project=self.project, state__in=[LEASED, SUBMITTED]
        )
        live = list(rows.values_list("annotator_id", "comparison_id"))
        assert len(set(live)) == len(live)
        for person in self.model.people:
            if person.quota is not None:
                assert sum(key == person.user.pk for key, _task in live) <= person.quota

    def teardown(self) -> None:
        """What is live at the end is what the model says was said last."""
        if not hasattr(self, "project"):
            return
        submitted = {lease.key for lease in self.model.leases if lease.state == SUBMITTED}
        live = Judgment.objects.live().filter(comparison__project=self.project)
        assert set(live.values_list("assignment_id", flat=True)) == submitted
        sent = sum(len(lease.judgments) for lease in self.model.leases)
        assert Judgment.objects.filter(comparison__project=self.project).count() == sent


@pytest.mark.django_db(transaction=True)
def test_assignment_follows_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real transactions, because the database's clock stands still within one."""
    monkeypatch.setattr(leasing, "ADVANCE_EVERY", 2)  # so that frontiers move within few claims
    run_state_machine_as_test(
        Assigning,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
