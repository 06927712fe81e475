"""Whether settings and host are those of the stage: answered before a key is used."""

from __future__ import annotations

from core.account import Environment
from core.gates.facts import NOT_ASKED, Answer, GateFacts, failed, passed, unavailable


def settings_match(facts: GateFacts) -> Answer:
    """The stage decides the environment; settings that say otherwise close the first gate."""
    stage, settings = facts.plan.stage, facts.settings
    wrong: list[str] = []
    if settings.use_testnet is not (stage.environment is Environment.TESTNET):
        wrong.append(f"BINANCE_USE_TESTNET is {str(settings.use_testnet).lower()}")
    if settings.dry_run is not stage.dry_run:
        wrong.append(f"BINANCE_DRY_RUN is {str(settings.dry_run).lower()}")
    if wrong:
        detail = f"{' and '.join(wrong)}; stage {stage.number} runs on {stage.environment}"
        return failed(detail, facts.plan.command())
    return passed(f"{stage.environment}, {'dry run' if stage.dry_run else 'real orders'}")


def environment_proven(facts: GateFacts) -> Answer:
    """What cannot be proven to be a testnet is the live venue."""
    if facts.host is None:
        return unavailable(NOT_ASKED)
    wanted = facts.plan.stage.environment
    if facts.host.environment is not wanted:
        return failed(
            f"{facts.host.host} is {facts.host.environment} ({facts.host.proof}); "
            f"stage {facts.plan.stage.number} needs {wanted}",
            "remove BINANCE_BASE_URL, or point it at the right host",
        )
    return passed(f"{facts.host.host} is {wanted}: {facts.host.proof}")
