"""Quotes: what a basket that is not yet paid would come to, nothing written (rulebook section 8).

The commit's own path over a copy of the member's row (see `trial`), so that a quote and the
sale that follows it at once tell the same figures.
"""

from __future__ import annotations

from vafa.native.wire import Sale

from ..columns.answers import Answer, corrected, instant_text, posting_details, rated_answers
from ..columns.intake import DecodedFacts
from ..columns.status import REFUSALS, Status
from ..columns.verdicts import Refusal, Verdict
from ..ledger.admission import NO_PROGRAM, Admission
from ..replica.replica import Replica
from ..value.coupons import tell_codes
from ..value.redeemable import redeemable_tenders
from ..views.progress import progress_of
from .form import Basket
from .offers import offers_of_basket, with_offers
from .trial import Trial, lent, try_sale

_OF_NO_MEMBER = (Status.CARD_BLOCKED, Status.CARD_LINKED, Status.MEMBER_CLOSED)
"""What a basket is refused for that counts for no member: its offers are anybody's."""


def quote(replica: Replica, basket: Basket, now: int, *, force: bool = False) -> Verdict:
    """What a commit at `now` (us) would make of a basket, or why it takes no such sale.

    A sale that the member's state refuses is an answer with `status` "refused" and its
    `reason`. `force` takes baskets older than the late limit. Raises CheckpointDamaged.
    """
    fold = replica.fold
    if fold is None:
        return Verdict(refusal=NO_PROGRAM)
    with lent(fold):
        intake = DecodedFacts([basket.sale])
        admitted = Admission(replica, lambda: None).admit(intake, now, force)
        refusal = admitted.refusals.get(0)
        if admitted.known:
            # Whatever it says: there is nothing to be quoted any more.
            refusal = Refusal("id-reused", f"the basket {basket.sale.id!r} is paid already", "id")
        if refusal is not None:
            return Verdict(refusal=refusal)
        sale = intake.whose(0)
        trial = try_sale(replica, sale, admitted.status)
        net = int(trial.facts.net.sum())
        known = basket.has_member and trial.outcome.status[0] not in _OF_NO_MEMBER
        offers = offers_of_basket(
            fold, trial.facts, sale.id, trial.version, trial.place, has_member=known
        )
        if offers.applied and known and not trial.facts.extra(0).offers:
            # The sale that follows has their discounts taken off, and names them.
            trial = try_sale(replica, with_offers(sale, offers), admitted.status)
        head = _head(replica, basket, sale, trial)
        head |= {"net": net, "discount": offers.discount, "offers": offers.told}
        tell_codes([head], trial.facts)
        if basket.has_member:
            return Verdict(head | _of_member(replica, trial))
        status = Status(int(trial.outcome.status[0]))
        refused = {"status": "refused", "reason": REFUSALS[status]} if status in REFUSALS else {}
        return Verdict(head | _OF_NOBODY | refused)


def _head(replica: Replica, basket: Basket, sale: Sale, trial: Trial) -> Answer:
    version = replica.versions.all[trial.version - 1]
    answer: Answer = {"id": basket.sale.id} if basket.has_id else {}
    return answer | {
        "member": sale.member if basket.has_member else None,
        "as_of": instant_text(sale.at),
        "program": {"id": version.program.id, "version": version.number},
    }


_OF_NOBODY: Answer = {
    "status": "ok", "postings": [], "balances": {}, "tier": {"before": None, "after": None},
    "redeemable": [],
}  # fmt: skip


def _of_member(replica: Replica, trial: Trial) -> Answer:
    """What the basket would come to for its member."""
    fold, words, outcome = replica.fold, replica.words, trial.outcome
    assert fold is not None
    assert words is not None
    names = replica.names_of(corrected(outcome.postings))
    told = rated_answers(words, [""], [0], outcome, names)[0]
    compiled, day = fold.compiled_at(trial.at), fold.today(trial.at)
    before = trial.before.tier(compiled.native, 0, day)
    answer: Answer = {
        "status": told["status"],
        **{name: told[name] for name in ("reason", "parked") if name in told},
        "postings": posting_details(words, outcome.postings, names),
        "balances": told["balances"],
        "tier": {"before": words.tiers[before], "after": told["tier"]},
    }
    progress = progress_of(compiled, trial.after, 0, int(outcome.tier[0]), day)
    if progress is not None:
        answer["progress"] = progress
    its = fold.compiled.compiled[trial.version - 1]
    net = int(trial.facts.net.sum())
    tier = words.tiers[trial.place.tier(its.native, 0, int(trial.facts.day[0]))]
    answer["redeemable"] = redeemable_tenders(its, trial.spendable, tier, net)
    return answer
