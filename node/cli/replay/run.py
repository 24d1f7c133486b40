"""One replay from an empty folder, or a cut-off one, to its last line."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.adapters.profiler import SUFFIX, Profiler
from node.cli.demo.papers import NETWORK, TRUST
from node.cli.demo.plan import read_plan
from node.cli.demo.processes import Children
from node.cli.demo.running import Running, heed_signals
from node.cli.demo.site import Mark, claim, find_mark, free_ports, replace_file, wanted_database
from node.cli.language import say
from node.cli.replay.carry import Carry, carry, opened_before
from node.cli.replay.cases import read_answers, read_cases, specialty_of
from node.cli.replay.network import check_new, find_network
from node.cli.replay.prove import beside, kept_in
from node.cli.replay.sweep import gathered, opening_day
from node.cli.replay.table import read_table
from node.core.errors import ConfigError

if TYPE_CHECKING:
    from node.cli.demo.plan import Plan
    from node.cli.demo.site import Site
    from node.cli.output import Output
    from node.cli.replay.network import Found
    from node.cli.replay.prove import Line
    from node.cli.replay.table import Table
    from node.services.actors.tender_file import TenderFile


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command."""

    csv: Path
    network: Path | None
    limit: int | None
    jobs: int
    together: int
    out: Path
    resume: bool


def run_replay(wanted: Wanted, output: Output) -> int:
    """Carry the tenders; 0 only if each is verified and none disagrees with the city.

    Whatever happens, no child is left. Raises ConfigError for a wrong file, folder or network,
    NodeError for what goes wrong.
    """
    began = time.monotonic()
    table = read_table(wanted.csv)
    specialty = specialty_of(table) + (f"-{table.digest[:8]}" if wanted.network else "")
    cases = gathered(read_cases(table, specialty)[: wanted.limit], wanted.together)
    heed_signals()
    profiler = Profiler(wanted.out.resolve() / "profile" / f"replay{SUFFIX}")
    try:
        lines = _through(wanted, table, cases, (output, profiler))
        seconds = time.monotonic() - began
        return _tell(table, lines, len(cases), (output, seconds, profiler.total()))
    finally:
        profiler.end()


def _through(
    wanted: Wanted,
    table: Table,
    cases: Sequence[TenderFile],
    means: tuple[Output, Profiler],
) -> Mapping[str, Line]:
    """Carry them through the network that is named, or through one of our own."""
    output, profiler = means
    children = Children(profile=profiler.path.parent)
    mark = _mark_of(wanted, table, output)
    done = kept_in(wanted.out, [case.tender for case in cases])
    if len(done) == len(cases):
        return done
    if wanted.network is not None:
        found = find_network(wanted.network.resolve())
        check_new(found, {case.tender for case in cases} - opened_before(wanted.out).keys())
        site = claim(wanted.out, mark or Mark(table.digest, cases[0].rules, len(found.hosts), {}))
        children.shared = (site.lock.fileno(),)
        _take_trust(site, found)
        profiler.start()
        try:
            return carry(Carry(site, found, cases, done, wanted.jobs), output, children)
        finally:
            children.stop()
    plan = read_plan(mark.centres if mark else None)
    site = claim(wanted.out, mark or _new_mark(table, cases[0].rules, plan))
    running = Running(site, plan, output, children)
    profiler.start()
    try:
        running.set_up(opening_day(cases[0]), ())
        found = find_network(site.root / NETWORK)
        return carry(Carry(site, found, cases, done, wanted.jobs), output, children)
    finally:
        running.stop()


def _new_mark(table: Table, rules: str, plan: Plan) -> Mark:
    ports = free_ports([planned.id for planned in plan.members])
    return Mark(table.digest, rules, len(plan.centres), ports, wanted_database())


def _mark_of(wanted: Wanted, table: Table, output: Output) -> Mark | None:
    """The mark of the run that goes on, or None if the folder is new. Raises ConfigError."""
    mark = find_mark(wanted.out, resume=wanted.resume)
    if mark is None:
        if wanted.resume:
            output.progress(
                say(
                    f"{wanted.out} 中没有可继续的运行，从头开始",
                    f"nothing to go on with in {wanted.out}: beginning anew",
                )
            )
        return None
    if mark.tender != table.digest:
        raise ConfigError(f"{wanted.out} began with another file; give that one", code="usage")
    if bool(mark.ports) == (wanted.network is not None):
        began = "a network of its own: leave --network out"
        began = began if mark.ports else "another network: give it with --network"
        raise ConfigError(f"{wanted.out} began with {began}", code="usage")
    return mark


def _take_trust(site: Site, found: Found) -> None:
    """Keep whom the verifier trusts: the policy of the network as it was when the run began."""
    path, policy = site.root / TRUST, found.trust.read_bytes()
    if not path.exists():
        replace_file(path, policy)
    elif path.read_bytes() != policy:
        raise ConfigError(f"{site.root} began with another network; give that one", code="usage")


def _tell(
    table: Table,
    carried: Mapping[str, Line],
    tenders: int,
    told: tuple[Output, float, Mapping[str, float]],
) -> int:
    """One line a tender beside the real answer, which is opened only now, and the sum."""
    (output, seconds, profile), answers = told, read_answers(table)
    lines = [beside(line, answers.get(name)) for name, line in carried.items()]
    for line in lines:
        output.event("tender", _sentence(line), **line)
    failed = [line["tender_id"] for line in lines if not line["verified"]]
    agree = sum(line["agrees"] is True for line in lines)
    verified, rate = len(lines) - len(failed), f"{len(lines) / seconds:.2f}"
    output.end(
        say(
            f"{tenders} 个项目，{verified} 个已验证，{agree} 个与原结果一致；每秒 {rate} 个",
            f"{tenders} tenders, {verified} verified, {agree} as they really ended; {rate}/s",
        ),
        tenders=tenders,
        carried=len(lines),
        decided=sum(line["outcome"] != "failed" for line in lines),
        agree=agree,
        verified=verified,
        failed=failed,
        seconds=round(seconds, 1),
        tenders_per_s=rate,
        trust=TRUST,
        profile={part: round(spent, 2) for part, spent in profile.items()},
    )
    return 0 if verified == tenders and all(one["agrees"] is not False for one in lines) else 1


def _sentence(line: Line) -> str:
    """One tender's line for a person."""
    agrees = {True: say("一致", "agrees"), False: say("不一致", "DISAGREES"), None: ""}
    words = [line["tender_id"], line["outcome"]]
    if "ranking" in line:
        words.append(say(f"{len(line['ranking'])} 名", f"{len(line['ranking'])} entries"))
    else:
        words += [line["winner"] or "-", line["price"] or "-"]
    proven = say("已验证", "verified") if line["verified"] else say("不成立", "NOT PROVEN")
    return "  ".join(map(str, (*words, proven, agrees[line["agrees"]])))
