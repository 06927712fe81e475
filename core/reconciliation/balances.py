"""The balance equation: opening + fills - fees ± transfers = what the account holds, asset by asset."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.reconciliation.classes import BreakClass
from core.reconciliation.movements import UNIT, ZERO
from core.reconciliation.records import Break, Terms, Transfer
from core.values import EXACT, decimal_text


@dataclass(frozen=True, slots=True)
class Equation:
    """Our side and the venue's. `moved`: by our fills, net of fees; `adjusted`: by breaks a human accepted.

    `rounded`: asset -> how many trades the venue had to round. `closing`: free and locked together.
    """

    opening: Mapping[str, Decimal]
    moved: Mapping[str, Decimal]
    closing: Mapping[str, Decimal]
    rounded: Mapping[str, int] = field(default_factory=dict)
    adjusted: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def assets(self) -> tuple[str, ...]:
        sides = (self.opening, self.moved, self.closing, self.adjusted)
        return tuple(sorted({asset for side in sides for asset in side}))

    def expected(self, asset: str) -> Decimal:
        return _sum(each.get(asset, ZERO) for each in (self.opening, self.moved, self.adjusted))

    def residue(self, asset: str, effects: Decimal = ZERO) -> Decimal:
        """Return what the account holds above what it should, counting `effects` in; 0 within tolerance."""
        expected = EXACT.add(self.expected(asset), effects)
        found = EXACT.subtract(self.closing.get(asset, ZERO), expected)
        return ZERO if abs(found) <= UNIT * self.rounded.get(asset, 0) else found


def match_transfers(transfers: Sequence[Transfer], terms: Terms) -> tuple[Break, ...]:
    """Return what came or went otherwise than by trading since the books were opened: each is a break."""
    breaks = []
    for transfer in transfers:
        if transfer.time_ms < terms.opened_ms or not transfer.effects:
            continue
        amounts = {asset: decimal_text(amount) for asset, amount in transfer.effects.items()}
        told = ", ".join(
            f"{'' if amount.startswith('-') else '+'}{amount} {asset}" for asset, amount in amounts.items()
        )
        breaks.append(
            Break(
                break_class=BreakClass.TRANSFER,
                subject=f"transfer:{transfer.kind}:{transfer.transfer_id}",
                explanation=f"{transfer.kind.lower()} {transfer.transfer_id}: {told}",
                theirs=amounts,
                effects=transfer.effects,
            )
        )
    return tuple(breaks)


def unexplained(equation: Equation, breaks: Sequence[Break]) -> dict[str, Decimal]:
    """Return asset -> residue that neither our records nor the venue's explain."""
    assets = sorted({*equation.assets, *(asset for each in breaks for asset in each.effects)})
    found = {}
    for asset in assets:
        disputed = _disputed(breaks, asset)
        residue = equation.residue(asset, disputed)
        # In dispute is whose record is right: the balance may bear out ours.
        if residue and equation.residue(asset):
            found[asset] = residue
    return found


def match_balances(
    equation: Equation, breaks: Sequence[Break], late: Collection[str] = ()
) -> tuple[tuple[Break, ...], tuple[Break, ...]]:
    """Return (the breaks with only those effects that the balances bear out, breaks of balances).

    `late`: assets whose residue may be gone in the next run, because balances changed while they were read.
    """
    borne_out = tuple(
        replace(each, effects={a: n for a, n in each.effects.items() if _is_borne_out(equation, breaks, a)})
        for each in breaks
    )
    residues = unexplained(equation, breaks)
    return borne_out, tuple(
        _break(equation, breaks, asset, residue, asset in late) for asset, residue in residues.items()
    )


def _is_borne_out(equation: Equation, breaks: Sequence[Break], asset: str) -> bool:
    """Tell whether the balance is as the venue's records say; when neither side's explain it, it is."""
    return not equation.residue(asset, _disputed(breaks, asset)) or bool(equation.residue(asset))


def balance_subject(asset: str) -> str:
    return f"balance:{asset}"


def _break(equation: Equation, breaks: Sequence[Break], asset: str, residue: Decimal, is_late: bool) -> Break:
    expected = EXACT.add(equation.expected(asset), _disputed(breaks, asset))
    ours, theirs = decimal_text(expected), decimal_text(equation.closing.get(asset, ZERO))
    way = "more" if residue > 0 else "less"
    return Break(
        break_class=BreakClass.TIMING if is_late else BreakClass.BALANCE,
        subject=balance_subject(asset),
        explanation=f"{asset}: {ours} should be there, {theirs} is: {decimal_text(abs(residue))} {way}",
        # A later trade moves both sides alike: what identifies the difference is the difference.
        ours={"residue": "0"},
        theirs={"residue": decimal_text(residue)},
        effects={asset: residue},
        became=BreakClass.BALANCE if is_late else None,
    )


def _disputed(breaks: Sequence[Break], asset: str) -> Decimal:
    return _sum(each.effects.get(asset, ZERO) for each in breaks)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
