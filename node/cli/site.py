"""`gmcn site`: the public site in processes of its own, and how it looks."""

from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from node.adapters.site_folder import SiteFolder
from node.cli import Invocation
from node.cli.base.arguments import read_input
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, remark, safe, say
from node.config import SiteConfig, load_config
from node.domain.site.look import format_look, parse_look
from node.errors import PeerUnavailable
from node.log import set_up_log
from node.runtime import KeylessNode, Node, open_keyless_node
from node.services.site.look import set_look
from node.web.site_process import serve_site


@click.group()
def site() -> None:
    """Serve the public site apart from the node, see and change how it looks.

    \b
    Examples:
      gmcn site serve --workers 2
      gmcn site set site.toml
    """


@site.command("serve")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer: as many as processors that the site may have.",
)
@click.pass_obj
def serve(invocation: Invocation, workers: int) -> None:
    """Serve the public site alone, until Ctrl-C or SIGTERM. No key is read.

    It listens where site.host and site.port say. Set site.enabled to false in node.toml, so that `gmcn serve`
    leaves the site to this. The database is made and brought up to date by `gmcn serve`.

    \b
    Examples:
      gmcn site serve
      gmcn --home /srv/gmcn site serve --workers 4
    """
    config = load_config(invocation.home)
    set_up_log(config.log)

    def open_site() -> KeylessNode:
        node = open_keyless_node(invocation.home)
        node.network()  # read once before the first request
        return node

    try:
        serve_site(config.site, open_site, workers, lambda url: remark(f"The public site is on {url}"))
    except OperationalError as error:  # what it says may quote a row
        raise PeerUnavailable(
            "The database does not answer.", "Check that it runs, and database.url in node.toml."
        ) from error


@site.command("show")
@json_option
@click.pass_obj
def show(invocation: Invocation, as_json: bool) -> None:
    """Show how the public site looks, as site.toml says it.

    \b
    Examples:
      gmcn site show
      gmcn site show > site.toml
    """
    look = _folder(invocation).read_look()
    if as_json:
        print_json(asdict(look))
    else:
        say(safe(format_look(look)).rstrip())


@site.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.pass_obj
def check(invocation: Invocation, file: Path | None) -> None:
    """Check a look of the public site, and change nothing: that of a file, or site/site.toml of the node.

    Every problem is named at once. A dash reads standard input. Without a file it says as well whether the
    codes on posters lead to an address that others can open.

    \b
    Examples:
      gmcn site check
      gmcn site check site.toml
    """
    if file is None:
        _folder(invocation).read_look()
        _remark_address(load_config(invocation.home).site)
    else:
        parse_look(read_input(file))
    say("All is well.")


def _remark_address(config: SiteConfig) -> None:
    """Say where the codes on posters lead, when that is nowhere for others."""
    if config.address:
        return
    if config.port:
        said = f"the codes on posters lead to http://{config.host}:{config.port}, on this machine alone"
    else:
        said = "no posters are made, since their codes would lead nowhere"
    remark(f"site.address is not set: {said}. Set it to what people type, such as https://missing.example.")


@site.command("set")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@pass_node
def set_(node: Node, file: Path) -> None:
    """Put a look in the place of the present one. A dash reads it from standard input.

    Nothing is changed unless all of it can be shown. Readers see it within a minute; nothing is restarted.

    \b
    Examples:
      gmcn site set site.toml
      gmcn site show | sed s/112/117/ | gmcn site set -
    """
    set_look(node, parse_look(read_input(file)), actor())
    say("The site looks as the file says.")


def _folder(invocation: Invocation) -> SiteFolder:
    load_config(invocation.home)  # says it better when there is no node
    return SiteFolder(invocation.home / "site")
