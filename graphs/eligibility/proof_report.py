"""The proof as Markdown: claims, truth table and diagram, as the documentation shows them."""

from pathlib import Path

from graphs.eligibility.prove import Proof, truth_table
from graphs.eligibility.rules import Rules

BEGIN, END = "<!-- proof: begin -->", "<!-- proof: end -->"


def report(proof: Proof, rules: Rules, diagram: str) -> str:
    """Write the proof as Markdown.

    Args:
        proof: what was found.
        rules: the rules it was found under.
        diagram: the graph as Mermaid.
    """
    broken = {found.claim for found in proof.counterexamples}
    claims = [f"- {'BROKEN: ' if claim in broken else ''}{claim}" for claim in proof.claims]
    table = [
        f"| {row['employment']} | {row['salary']} | {row['city']} | {row['outcome']} "
        f"| `{row['reason']}` |"
        for row in truth_table(rules)
    ]
    verdict = "Proven" if proof.holds else "Not proven"
    return "\n".join(
        [
            f"{verdict} for rules {rules.version}; "
            f"every conversation has ended after {proof.bound} turns, and:",
            "",
            *claims,
            "",
            "| employment | salary | city | outcome | reason |",
            "|---|---|---|---|---|",
            *table,
            "",
            "```mermaid",
            diagram.strip(),
            "```",
        ]
    )


def write_between_markers(file: Path, text: str) -> None:
    """Replace what stands between the markers of a file.

    Raises:
        ValueError: the file lacks the markers.
    """
    file.write_text(between_markers(file.read_text(encoding="utf-8"), text), encoding="utf-8")


def between_markers(page: str, text: str) -> str:
    """Return the page with the text between its markers.

    Raises:
        ValueError: the page lacks the markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The page needs the markers {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"
