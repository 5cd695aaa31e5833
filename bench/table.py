"""The table of what was measured: one line a figure, with its target and whether it is met."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MB = 1_000_000


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where there is no target."""

    what: str
    measured: str
    target: str
    met: bool | None


def format_table(known: dict[str, Any]) -> str:
    """Lay out the results of every part that was measured, in Markdown."""
    verdict = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | measured | target | met |", "|---|---|---|---|"]
    for part, rows_of in _PARTS.items():
        if part in known:
            lines += [
                f"| {row.what} | {row.measured} | {row.target} | {verdict[row.met]} |"
                for row in rows_of(known[part])
            ]
    return "\n".join([*lines, "", known["machine"]]) + "\n"


def _first_pull(pull: dict[str, Any]) -> Iterator[Row]:
    kilobytes = pull["document_bytes"] / 1000
    what = f"First pull of {pull['documents']:,} live summaries of {kilobytes:.1f} kB, to its own floor"
    rate = f"{pull['ratio']:.2f} × ({pull['pull_seconds']:.0f} s, {pull['per_second']:,.0f} a second)"
    yield Row(what, rate, "≤ 1.4 ×", pull["ratio"] <= 1.4)
    held = pull["size"]
    most = max(held["idle_bytes"], held["pulling_bytes"])
    yield Row(
        f"Whole node holding {held['replicas']:,} replicas, resident idle / while pulling",
        f"{held['idle_bytes'] / MB:.0f} / {held['pulling_bytes'] / MB:.0f} MB",
        "≤ 160 MB",
        most <= 160 * MB,
    )
    yield Row(
        f"Disk for {held['promised_cases']:,} cases with photographs, at the default cap",
        f"{held['promised_disk_bytes'] / 1e9:.2f} GB",
        "≤ 2 GB",
        held["promised_disk_bytes"] <= 2e9,
    )


def _peers(found: dict[str, Any]) -> Iterator[Row]:
    best = max((other["per_second"] for other in found["others"]), default=0)
    names = ", ".join(f"{other['name']} {other['per_second']:,}" for other in found["others"])
    skipped = "".join(f"; {name} skipped: {why}" for name, why in found["skipped"].items())
    ours = found["ours"]["per_second"]
    yield Row(
        f"{found['documents']:,} documents, a second, beside others that neither validate nor index",
        f"{ours:,.0f} ({names}{skipped})",
        "≥ 3 × the best",
        bool(best) and ours >= 3 * best,
    )


def _poll(found: dict[str, Any]) -> Iterator[Row]:
    quiet, change = found["poll"], found["change"]
    yield Row(
        "A poll that finds nothing: requests, bytes both ways, server CPU",
        f"{quiet['requests']}, {quiet['bytes']:.0f} B, {quiet['server_ms']:.1f} ms",
        "1, < 1 kB, < 2 ms",
        quiet["bytes"] < 1000 and quiet["server_ms"] < 2,
    )
    yield Row(
        f"Pulling one change at {change['sizes'][1]:,} leaves, to the same at {change['sizes'][0]:,}",
        f"{change['ratio']:.2f} × ({change['ms'][1]:.0f} ms)",
        "the same",
        change["ratio"] <= 1.1,
    )


def _spread(found: dict[str, Any]) -> Iterator[Row]:
    yield Row(
        f"Doorbell to visible replica at {found['peers']} peers, p95",
        f"{found['visible_p95']:.2f} s",
        "< 1 s",
        found["visible_p95"] < 1,
    )
    yield Row(
        f"Erase to hidden at all of {found['peers']} peers, receipts in, worst",
        f"{found['erased_worst']:.2f} s",
        "< 5 s",
        found["erased_worst"] < 5,
    )


def _erasure(found: dict[str, Any]) -> Iterator[Row]:
    yield Row(
        f"Erase to the last `hidden_at`, one of {found['peers']} peers down for {found['down_seconds']} s",
        f"{found['back_hidden']:.1f} s after it was back",
        "< 5 s",
        found["back_hidden"] < 5,
    )
    yield Row(
        "Erase to `purged_at`, SQLite: median / worst peer",
        f"{found['purged_median']:.1f} / {found['purged_worst']:.1f} s",
        "< 60 s",
        found["purged_worst"] < 60,
    )


def _convergence(found: dict[str, Any]) -> Iterator[Row]:
    yield Row(
        f"{found['nodes']} nodes, {found['loss']:.0%} of messages lost, a partition healed: equal replicas",
        f"{found['replicas'] - found['apart']:,} of {found['replicas']:,} after {found['seconds']:.0f} s of"
        f" their clock, each asking each at most {found['most_pulls']} times; {found['lost']:,} of"
        f" {found['messages']:,} messages lost",
        "all",
        found["apart"] == 0,
    )


def _crashes(found: dict[str, Any]) -> Iterator[Row]:
    yield Row(
        "Killed before each write and at the end of publish, pull, erase, purge, restore: "
        "points tried, records lost",
        f"{found['tried']:,} of {found['points']:,}, {found['lost']}",
        "every one, 0",
        found["tried"] == found["points"] and found["lost"] == 0 and not found["wrong"],
    )


def _search(found: dict[str, Any]) -> Iterator[Row]:
    for engine in ("sqlite", "postgresql"):
        speeds = found[engine]
        yield Row(
            f"Search over {found['rows']:,} cases, {engine}: by name across scripts / by filters, p95",
            f"{speeds['names_p95_ms']:.0f} / {speeds['filters_p95_ms']:.0f} ms",
            "< 50 / < 20 ms",
            speeds["names_p95_ms"] < 50 and speeds["filters_p95_ms"] < 20,
        )


def _console(found: dict[str, Any]) -> Iterator[Row]:
    for engine in ("sqlite", "postgresql"):
        pages = found[engine]
        slowest = max(pages, key=lambda what: pages[what]["ms"])
        largest = max(figures["bytes"] for figures in pages.values())
        yield Row(
            f"{len(pages)} pages of the console over {found['replicas']:,} replicas and {found['own']:,} own"
            f" cases, {engine}: slowest, largest",
            f"{pages[slowest]['ms']:.0f} ms ({slowest}), {largest / 1000:.0f} kB",
            "< 60 ms, < 100 kB",
            pages[slowest]["ms"] < 60 and largest < 100_000,
        )


def _site(found: dict[str, Any]) -> Iterator[Row]:
    for engine in ("sqlite", "postgresql"):
        pages, weight, rate = found[engine]["pages"], found[engine]["weight"], found[engine]["rate"]
        asked = {what: page["p95_ms"] for what, page in pages.items() if what.startswith(("child", "search"))}
        slowest = max(asked, key=lambda what: asked[what])
        yield Row(
            f"The public site over {found['replicas']:,} replicas and {found['own']:,} own cases, {engine}: a"
            " child's page, and the slowest search, p95",
            f"{asked['child']:.0f} ms, {asked[slowest]:.0f} ms ({slowest})",
            "< 30 ms",
            asked[slowest] < 30,
        )
        yield Row(
            f"Pages of the site a second by two processes, {engine}: a child, many different ones, a search",
            ", ".join(f"{rate[what]:.0f}" for what in ("child", "children", "search")),
            "≥ 300",
            min(rate[what] for what in ("child", "children", "search")) >= 300,
        )
        if "child, beside a first pull" not in rate:
            continue
        yield Row(
            f"The same beside a first pull, and the member it pulls from, {engine}: a child, different ones",
            ", ".join(f"{rate[f'{what}, beside a first pull']:.0f}" for what in ("child", "children")),
            "≥ 300",
            min(rate[f"{what}, beside a first pull"] for what in ("child", "children")) >= 300,
        )
    yield Row(
        "First visit to a child's page and to results of a search, with photographs",
        f"{weight['child'] / 1000:.0f} kB, {weight['search'] / 1000:.0f} kB",
        "< 150 kB",
        max(weight.values()) < 150_000,
    )


def _posters(found: dict[str, Any]) -> Iterator[Row]:
    slowest = {form: max(figures[form] for figures in found["languages"].values()) for form in ("pdf", "png")}
    scripts = len({figures["script"] for figures in found["languages"].values()})
    yield Row(
        f"A poster in {scripts} scripts, PDF / PNG: the slowest, median of {found['children']} children",
        f"{slowest['pdf']:.0f} / {slowest['png']:.0f} ms",
        "< 150 / < 300 ms",
        slowest["pdf"] < 150 and slowest["png"] < 300,
    )


def _names(found: dict[str, Any]) -> Iterator[Row]:
    recall = found["recall_at_10"]
    yield Row("Names across scripts: recall@10", f"{recall:.2f}", "≥ 0.9", recall >= 0.9)


def _witnessing(found: dict[str, Any]) -> Iterator[Row]:
    without, with_witnesses = found["publish_ms"]
    yield Row(
        "Overhead of witnessing on a poll: three witnesses, renewed every hour",
        f"{found['overhead']:+.1%}",
        "< 20 %",
        found["overhead"] < 0.2,
    )
    yield Row(
        "Publishing a case with three witnesses, to without",
        f"{with_witnesses:.0f} / {without:.0f} ms",
        "",
        None,
    )


_PARTS: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "first-pull": _first_pull,
    "peers": _peers,
    "poll": _poll,
    "witnessing": _witnessing,
    "spread": _spread,
    "erasure": _erasure,
    "convergence": _convergence,
    "crashes": _crashes,
    "search": _search,
    "console": _console,
    "site": _site,
    "posters": _posters,
    "names": _names,
}
