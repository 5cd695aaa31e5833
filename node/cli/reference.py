"""docs/commands.md, written from the commands themselves: `python -m node.cli.reference > docs/commands.md`.

A test holds the file to what this writes, so that no command, option or exit code is missing from it.
"""

from collections.abc import Iterator
from inspect import cleandoc

import click

from node.cli import main, walk
from node.cli.base.failures import EXIT_CODES

_OPENING = """\
# Commands

Written from the program by `python -m node.cli.reference > docs/commands.md`; a test holds it to the program.
How they are used one after the other, from nothing to a member, is in [operating.md](operating.md).

- `--home` and `--debug` stand before the command: `gmcn --home /srv/gmcn status`. `GMCN_HOME` does the same.
- With `--json` standard output holds exactly one JSON value, and nothing at all when the command fails. What
  is meant for a person (remarks, progress, questions, errors) goes to standard error. Times are UTC.
- An error says what is wrong, every problem with its path, and what to do next. It never repeats what a case
  says.
- Who did what is in the journal under the name of the operating system's user: `cli:amina`.
"""


def reference() -> str:
    """Write the whole page."""
    lines = [_OPENING, "## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    for ctx, command in walk(main, click.Context(main, info_name="gmcn")):
        lines += ["", *_command(ctx, command)]
    return "\n".join([*lines, ""])


def _command(ctx: click.Context, command: click.Command) -> Iterator[str]:
    depth = len(ctx.command_path.split())
    yield f"{'#' * min(depth + 1, 4)} {ctx.command_path}"
    yield ""
    if not isinstance(command, click.Group):
        yield f"    {ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}"
        yield ""
    yield from _help(command.help or "")
    records = [
        parameter.get_help_record(ctx)
        for parameter in command.get_params(ctx)
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts
    ]
    shown = [record for record in records if record]
    if shown:
        yield ""
        yield from (f"- `{option}`{': ' if text else ''}{text}" for option, text in shown)


def _help(text: str) -> Iterator[str]:
    """Write a help text; what click leaves as it is (after a backspace character) becomes a code block."""
    paragraphs = [paragraph.strip("\n") for paragraph in cleandoc(text).split("\n\n")]
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ""
        first, *rest = paragraph.splitlines()
        if first.strip() != "\b":
            yield " ".join(line.strip() for line in paragraph.splitlines())
            continue
        yield rest[0]
        yield ""
        yield from (f"  {line}" for line in rest[1:])


if __name__ == "__main__":
    click.echo(reference(), nl=False)
